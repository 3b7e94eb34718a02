#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "observe/log_file.h"

namespace aralez {

struct ServerLogOptions {
  LogLevel level = LogLevel::info;
  LogFileOptions file;  ///< an empty path or /dev/stdout: standard output
};

/// The server log: `YYYY-MM-DD HH:MM:SS LEVEL target - message` in local time (behaviour
/// section 15.1), each record one write. Any thread may call anything.
class ServerLog final : public Logger {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<ServerLog>, LogError> open(
      ServerLogOptions options);
  ~ServerLog() override;

  [[nodiscard]] bool enabled(LogLevel level) const override;
  void write(LogLevel level, std::string_view target, std::string_view message) override;
  /// For a record that had to wait.
  void write_at(std::chrono::system_clock::time_point time, LogLevel level, std::string_view target,
                std::string_view message);
  /// Lines that are complete already, at any level; returns how many were lost.
  [[nodiscard]] std::size_t append_lines(std::string_view lines);
  /// On SIGHUP. On an error the old file stays in use.
  [[nodiscard]] std::expected<void, LogError> reopen();
  /// Records that could not be written.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  struct State;
  ServerLog(LogLevel level, LogFile file);

  const LogLevel level_;
  std::unique_ptr<State> state_;
  std::atomic<std::uint64_t> lost_{0};
};

/// "off", "error", … "trace", lower case only, as in `log_level`.
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

}  // namespace aralez
