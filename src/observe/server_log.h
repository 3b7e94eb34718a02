#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "observe/server_log_file.h"

namespace aralez {

struct ServerLogOptions {
  LogLevel level = LogLevel::info;
  LogFileOptions file = {};             ///< an empty path or /dev/stdout: standard output
  std::size_t capacity = 256UL * 1024;  ///< bytes that wait for the file
  /// In which the reader of a pipe may still take what is left when the log ends.
  std::chrono::milliseconds end_grace{1000};
};

/// The server log. A record is copied into a bounded buffer, a thread of this object writes it: a
/// call never waits for a disk, a terminal or the reader of a pipe. What the buffer has no room for
/// is dropped and counted, and the log says so as soon as it can; the last eighth is kept for
/// warnings and errors. Any thread may call anything.
class ServerLog final : public Logger {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<ServerLog>, LogError> open(
      ServerLogOptions options);
  ServerLog(const ServerLog&) = delete;
  ServerLog& operator=(const ServerLog&) = delete;
  /// Everything that was accepted has been written when this returns, unless a reader of a pipe
  /// takes longer than its grace for it.
  ~ServerLog() override;

  [[nodiscard]] bool enabled(LogLevel level) const override {
    return level != LogLevel::off && level <= level_;
  }
  void write(LogLevel level, std::string_view target, std::string_view message) override;
  /// Lines that are complete already, at any level. Waits for room until `deadline`; false: there
  /// was none. Not for a thread that serves.
  [[nodiscard]] bool offer_lines(std::string_view lines,
                                 std::chrono::steady_clock::time_point deadline);
  /// On SIGHUP: opens the file anew, soon. On an error, which is logged, the old one stays in use.
  void reopen_later();
  /// Records that found no room or that the file did not take.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }
  /// The same for lines that were offered and taken.
  [[nodiscard]] std::uint64_t lost_lines() const noexcept {
    return lost_lines_.load(std::memory_order_relaxed);
  }

 private:
  ServerLog(const ServerLogOptions& options, ServerLogFile file);
  void run();
  /// The thread's.
  void reopen();
  void write_batch(std::string_view batch);
  void report();
  [[nodiscard]] bool goes_on();

  const LogLevel level_;
  const std::size_t capacity_;
  const std::chrono::milliseconds end_grace_;
  ServerLogFile file_;  ///< the thread's, like the next two
  const Patience patience_;
  std::uint64_t unreported_ = 0;  ///< lost, and the log does not say so yet
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;  ///< the thread has taken what waited
  std::string waiting_;         ///< records for the thread, never more than capacity_ bytes of them
  std::uint64_t dropped_ = 0;   ///< since the thread last looked
  bool reopen_wanted_ = false;  ///< and stands in waiting_
  bool ending_ = false;
  std::chrono::steady_clock::time_point give_up_at_;  ///< when ending_
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> lost_lines_{0};
  std::thread thread_;
};

/// "off", "error", … "trace", lower case only, as in `log_level`.
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

}  // namespace aralez
