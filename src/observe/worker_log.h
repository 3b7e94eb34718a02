#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "observe/server_log.h"

namespace aralez {

/// The server log as workers have it: a record is copied into a bounded buffer, a thread of this
/// object writes it. A call never waits for a file or a terminal. What the buffer has no room for
/// is dropped and counted, and the log says so; the last eighth is kept for warnings and errors.
/// Any thread may call; who may wait and must not lose anything (start-up, reload, what ends the
/// process) uses the ServerLog itself.
class WorkerLog final : public Logger {
 public:
  static constexpr std::size_t kCapacity = 256 * 1024;

  /// `log` outlives this.
  explicit WorkerLog(ServerLog& log, std::size_t capacity = kCapacity);
  WorkerLog(const WorkerLog&) = delete;
  WorkerLog& operator=(const WorkerLog&) = delete;
  /// Everything that was accepted has been written when this returns.
  ~WorkerLog() override;

  [[nodiscard]] bool enabled(LogLevel level) const override { return log_.enabled(level); }
  void write(LogLevel level, std::string_view target, std::string_view message) override;
  /// Records that found no room. Any thread.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  void run();
  void write_batch(std::string_view batch, std::uint64_t dropped);

  ServerLog& log_;
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;        ///< records for the thread, never more than capacity_ bytes
  std::uint64_t dropped_ = 0;  ///< since the thread last looked
  bool ending_ = false;
  std::atomic<std::uint64_t> lost_{0};
  std::thread thread_;
};

}  // namespace aralez
