#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
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
  std::string path = {};  ///< may be a symlink; pipes and devices are written, never rotated
  std::uint64_t max_bytes =
      100ULL * 1024 * 1024;  ///< rotated before a write would exceed it; 0: never
  std::uint32_t keep = 5;    ///< old files kept as <path>.1 (newest) to <path>.<keep>
  bool compress = false;     ///< old files become <path>.<n>.gz, by a thread of their own
};

/// Whether to go on waiting for a reader that has made no room in a pipe for that long. Asked
/// before each wait of LogFile::kWait.
using Patience = std::function<bool(std::chrono::milliseconds stalled)>;
inline bool impatient(std::chrono::milliseconds) {
  return false;
}

/// A file that is appended to, whole records at a time. Not thread-safe: the owner locks.
class LogFile {
 public:
  [[nodiscard]] static std::expected<LogFile, LogError> open(LogFileOptions options);
  /// Writes to standard output; rotates nothing, reopen() does nothing.
  [[nodiscard]] static LogFile standard_output();

  LogFile(LogFile&&) noexcept = default;
  LogFile& operator=(LogFile&&) noexcept = default;
  ~LogFile();

  static constexpr std::chrono::milliseconds kWait{50};

  /// Waits for the reader of a pipe, a socket or a terminal as long as `patience` has it, and what
  /// finds no room then is lost, like what a full disk refuses. False when (part of) the record was
  /// lost.
  [[nodiscard]] bool append(std::string_view record, const Patience& patience = impatient) {
    return append_lines(record, patience) == 0;
  }
  /// The same for several lines at once. Returns how many lines were lost, also in part.
  [[nodiscard]] std::size_t append_lines(std::string_view lines,
                                         const Patience& patience = impatient);
  /// Opens the path anew, for SIGHUP after someone moved the file away. On an error the old file
  /// stays in use.
  [[nodiscard]] std::expected<void, LogError> reopen();

 private:
  /// What a write that does not wait takes.
  enum class Kind : std::uint8_t {
    own,     ///< opened by us, without blocking; and regular files
    socket,  ///< standard output of a service
    shared   ///< blocks, and so it has to: other programs write there too
  };

  LogFile(LogFileOptions options, UniqueFd fd, Kind kind);
  void measure();
  [[nodiscard]] std::size_t write_some(std::string_view text, const Patience& patience);
  /// -1 and EAGAIN: there is no room now.
  [[nodiscard]] ssize_t write_now(std::string_view text) const;
  void rotate();
  void shift_old_files();
  void compress_aside(const std::string& file);

  LogFileOptions options_;
  UniqueFd fd_;
  Kind kind_;
  std::uint64_t size_ = 0;
  std::uint64_t rotate_at_ = 0;  ///< 0: never
  std::jthread compressing_;     ///< <path>.1; told to stop, and joined, by the destructor
  bool torn_ = false;  ///< the last record got in only in part: the next begins a line of its own
};

}  // namespace aralez
