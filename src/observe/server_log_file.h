#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "observe/log_file.h"

namespace aralez {

/// What the server log is written to: `YYYY-MM-DD HH:MM:SS LEVEL target - message` in local time
/// (behaviour section 15.1). Not thread-safe: one thread of the ServerLog has it.
class ServerLogFile {
 public:
  /// An empty path or /dev/stdout: standard output.
  [[nodiscard]] static std::expected<ServerLogFile, LogError> open(LogFileOptions options);
  ServerLogFile(ServerLogFile&&) noexcept;
  ServerLogFile& operator=(ServerLogFile&&) noexcept;
  ~ServerLogFile();

  /// False when (part of) the record was lost.
  [[nodiscard]] bool write(std::chrono::system_clock::time_point time, LogLevel level,
                           std::string_view target, std::string_view message,
                           const Patience& patience = impatient);
  /// Lines that are complete already; returns how many were lost.
  [[nodiscard]] std::size_t append_lines(std::string_view lines,
                                         const Patience& patience = impatient);
  /// On SIGHUP. On an error the old file stays in use.
  [[nodiscard]] std::expected<void, LogError> reopen();

 private:
  struct State;
  explicit ServerLogFile(LogFile file);

  std::unique_ptr<State> state_;
};

}  // namespace aralez
