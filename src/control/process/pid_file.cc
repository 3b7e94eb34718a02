#include "control/process/pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"

namespace aralez {
namespace {

/// 0 when there is no such file or no number in it.
pid_t read_pid(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::array<char, 32> text{};
  const ssize_t n = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
  pid_t pid = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, pid);
  return pid;
}

/// 0, or an errno value.
int fill(int fd, pid_t pid) {
  const std::string text = fmt::format("{}\n", pid);
  const ssize_t n = ::write(fd, text.data(), text.size());
  if (n < 0) return errno;
  if (static_cast<std::size_t>(n) != text.size()) return ENOSPC;
  return ::fchmod(fd, 0644) == 0 ? 0 : errno;
}

}  // namespace

std::expected<PidFile, ProcessError> PidFile::write(std::string path) {
  const std::string subject = "pid file " + path;
  std::error_code error;  // removed later from wherever the working directory is by then
  if (const auto full = std::filesystem::absolute(path, error); !error) path = full.native();
  struct stat st{};
  const bool exists = ::lstat(path.c_str(), &st) == 0;
  if (exists && S_ISCHR(st.st_mode))
    return PidFile(std::move(path), 0);  // /dev/null: none is wanted
  if (exists && !S_ISREG(st.st_mode))
    return process_error(S_ISLNK(st.st_mode) ? ELOOP : EEXIST, subject);

  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return process_error(errno, subject);
  const pid_t pid = ::getpid();
  int failed = fill(fd.get(), pid);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    ::unlink(temporary.c_str());
    return process_error(failed, subject);
  }
  return PidFile(std::move(path), pid);
}

PidFile::PidFile(PidFile&& o) noexcept
    : path_(std::move(o.path_)), pid_(std::exchange(o.pid_, 0)) {}

PidFile& PidFile::operator=(PidFile&& o) noexcept {
  std::swap(path_, o.path_);
  std::swap(pid_, o.pid_);
  return *this;
}

PidFile::~PidFile() {
  if (pid_ == 0 || pid_ != ::getpid()) return;  // a forked copy owns nothing
  if (read_pid(path_) == pid_) ::unlink(path_.c_str());
}

}  // namespace aralez
