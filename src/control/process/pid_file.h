#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <utility>

#include "control/process/process_error.h"

namespace aralez {

/// A file that names this process while it lives. It appears whole or not at all; a symlink in its
/// place is refused, /dev/null means that none is wanted. The destructor removes it, unless another
/// process (the successor of a live upgrade) has written its own there by then.
class PidFile {
 public:
  /// After daemonize(), which changes the process id.
  [[nodiscard]] static std::expected<PidFile, ProcessError> write(std::string path);

  PidFile(PidFile&& o) noexcept;
  PidFile& operator=(PidFile&& o) noexcept;
  ~PidFile();

 private:
  PidFile(std::string path, pid_t pid) : path_(std::move(path)), pid_(pid) {}

  std::string path_;
  pid_t pid_;  ///< 0: owns no file
};

}  // namespace aralez
