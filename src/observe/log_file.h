#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace aralez {

/// Why a log cannot be written; `what` names the path and the text of `code`, an errno value.
struct LogError {
  int code = 0;
  std::string what;
};

struct LogFileOptions {
  std::string path;  ///< may be a symlink; pipes and devices are written, never rotated
  std::uint64_t max_bytes =
      100ULL * 1024 * 1024;  ///< rotated before a write would exceed it; 0: never
  std::uint32_t keep = 5;    ///< old files kept as <path>.1 (newest) to <path>.<keep>
  bool compress = false;     ///< old files become <path>.<n>.gz, by a thread of their own
};

/// A file that is appended to, whole records at a time. Not thread-safe: the owner locks.
class LogFile {
 public:
  [[nodiscard]] static std::expected<LogFile, LogError> open(LogFileOptions options);
  /// Writes to standard output; rotates nothing, reopen() does nothing.
  [[nodiscard]] static LogFile standard_output();

  LogFile(LogFile&&) noexcept = default;
  LogFile& operator=(LogFile&&) noexcept = default;
  ~LogFile();

  /// Never blocks for a reader of a pipe: what such a pipe has no room for is lost, like what a
  /// full disk refuses. False when (part of) the record was lost.
  [[nodiscard]] bool append(std::string_view record) { return append_lines(record) == 0; }
  /// The same for several lines at once. A reader of a pipe is given `patience` to make room.
  /// Returns how many lines were lost, also in part.
  [[nodiscard]] std::size_t append_lines(std::string_view lines,
                                         std::chrono::milliseconds patience = {});
  /// Opens the path anew, for SIGHUP after someone moved the file away. On an error the old file
  /// stays in use.
  [[nodiscard]] std::expected<void, LogError> reopen();

 private:
  LogFile(LogFileOptions options, UniqueFd fd);
  void measure();
  [[nodiscard]] std::size_t write_some(std::string_view text, std::chrono::milliseconds patience);
  void rotate();
  void shift_old_files();
  void compress_aside(const std::string& file);

  LogFileOptions options_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t rotate_at_ = 0;  ///< 0: never
  std::jthread compressing_;     ///< <path>.1; told to stop, and joined, by the destructor
  bool torn_ = false;  ///< the last record got in only in part: the next begins a line of its own
};

}  // namespace aralez
