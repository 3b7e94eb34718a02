#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "observe/access_log/access_line.h"
#include "observe/access_log/record_ring.h"
#include "observe/log_file.h"
#include "observe/server_log.h"

namespace aralez {

/// `access_log`: which requests have a line.
enum class AccessLogMode : std::uint8_t { off, all, error };

struct AccessLogOptions {
  AccessLogMode mode = AccessLogMode::off;
  AccessLogFormat format = AccessLogFormat::text;
  /// None: the lines go where the server log goes, at any `log_level`.
  std::optional<LogFileOptions> file;
  std::size_t writers = 1;               ///< worker threads
  std::size_t ring_bytes = 1024 * 1024;  ///< for each; a power of two
};

class AccessLog;

/// The access log as one worker has it; its thread alone calls.
class AccessChannel {
 public:
  AccessChannel(AccessLog& log, const AccessLogOptions& options);

  [[nodiscard]] bool wants(std::uint16_t status) const noexcept {
    return mode_ == AccessLogMode::all || status < 100 || status >= 400;
  }
  /// Whether lines have more than the first kLineTexts texts.
  [[nodiscard]] bool detailed() const noexcept { return texts_ > kLineTexts; }
  /// Copies the record. Never waits: without room it is dropped and counted.
  void add(const AccessRecord& record) noexcept;

 private:
  friend class AccessLog;
  AccessLog& log_;
  const AccessLogMode mode_;
  const std::size_t texts_;
  RecordRing ring_;
  std::atomic<std::uint64_t> dropped_{0};  ///< one writer
};

/// Writes what workers say of their requests, on a thread of its own. Made before the workers,
/// outlives them.
class AccessLog {
 public:
  /// Pre: mode is not off. `server_log` outlives this.
  [[nodiscard]] static std::expected<std::unique_ptr<AccessLog>, LogError> open(
      AccessLogOptions options, ServerLog& server_log);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  /// Everything that was accepted has been written when this returns.
  ~AccessLog();

  /// Pre: i < writers.
  [[nodiscard]] AccessChannel& channel(std::size_t i) { return *channels_[i]; }
  /// Opens the own file anew, soon; for SIGHUP. Any thread.
  void reopen_later();
  /// Records that have no line: no room in a ring, or not taken by the file. Any thread.
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  friend class AccessChannel;
  /// What the thread does, as far as workers have to know.
  enum class Rest : std::uint8_t {
    awake,
    dozing,  ///< looks again by itself in a moment; is woken by a ring that is half full
    asleep   ///< is woken by the next record
  };

  AccessLog(const AccessLogOptions& options, std::optional<LogFile> file, ServerLog& server_log);
  void run();
  /// True when there was something to write.
  bool drain();
  void write(const AccessRecord& record, std::chrono::system_clock::time_point time);
  void flush();
  void reopen();
  /// Says in the server log what was lost, once a second at most.
  void report(TimePoint now);
  void wake();
  void sleep(Rest rest);

  ServerLog& server_log_;
  std::optional<LogFile> file_;
  AccessLineWriter lines_;
  std::string buffer_;  ///< whole lines
  bool stuck_ = false;  ///< the last ones found no room in time: the next do not wait
  std::vector<std::unique_ptr<AccessChannel>> channels_;
  std::atomic<std::uint64_t> unwritten_{0};
  std::uint64_t reported_ = 0;
  TimePoint report_after_{};
  std::atomic<bool> reopen_wanted_{false};
  /// Workers read it for each record: not in one line with what the thread writes all the time.
  alignas(64) std::atomic<Rest> rest_{Rest::awake};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;  ///< guarded by mutex_, like the next
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace aralez
