#include "observe/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>

#include "observe/compress_file.h"

namespace aralez {
namespace {

std::expected<UniqueFd, LogError> open_for_append(const std::string& path) {
  // O_NONBLOCK: opening a pipe nobody reads fails instead of waiting, and a full one cannot hold us
  // up.
  UniqueFd fd(::open(path.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
  if (fd) return fd;
  const int code = errno;
  return std::unexpected(
      LogError{code, fmt::format("log file {}: {}", path, std::generic_category().message(code))});
}

}  // namespace

LogFile::LogFile(LogFileOptions options, UniqueFd fd, Kind kind)
    : options_(std::move(options)), fd_(std::move(fd)), kind_(kind) {
  measure();
}

LogFile::~LogFile() {
  if (fd_.get() == STDOUT_FILENO) (void)fd_.release();
}

std::expected<LogFile, LogError> LogFile::open(LogFileOptions options) {
  // A rotation renames the file itself, not a symlink to it.
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(options.path, ignored);
  if (!ignored && !real.empty()) options.path = real.string();
  auto fd = open_for_append(options.path);
  if (!fd) return std::unexpected(std::move(fd.error()));
  return LogFile(std::move(options), std::move(*fd), Kind::own);
}

LogFile LogFile::standard_output() {
  const LogFileOptions options{.path = {}, .max_bytes = 0};
  UniqueFd out(STDOUT_FILENO);
  struct stat st{};
  if (::fstat(STDOUT_FILENO, &st) != 0 || S_ISREG(st.st_mode))
    return LogFile(options, std::move(out), Kind::own);
  if (S_ISSOCK(st.st_mode)) return LogFile(options, std::move(out), Kind::socket);
  // The same pipe or terminal, with a mode of its own: that of standard output is everybody's.
  UniqueFd again(
      ::open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!again) return LogFile(options, std::move(out), Kind::shared);
  (void)out.release();
  return LogFile(options, std::move(again), Kind::own);
}

void LogFile::measure() {
  struct stat st{};
  const bool regular = ::fstat(fd_.get(), &st) == 0 && S_ISREG(st.st_mode);
  size_ = regular ? static_cast<std::uint64_t>(st.st_size) : 0;
  rotate_at_ = regular ? options_.max_bytes : 0;
}

std::size_t LogFile::append_lines(std::string_view lines, const Patience& patience) {
  if (rotate_at_ != 0 && size_ != 0 && size_ + lines.size() > rotate_at_) rotate();
  if (torn_ && write_some("\n", patience) == 1) torn_ = false;
  const std::size_t written = torn_ ? 0 : write_some(lines, patience);
  if (written == lines.size()) return 0;
  if (written > 0) torn_ = lines[written - 1] != '\n';
  const auto rest = lines.substr(written);
  return static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n')) +
         (rest.back() == '\n' ? 0 : 1);
}

std::size_t LogFile::write_some(std::string_view text, const Patience& patience) {
  std::size_t done = 0;
  std::chrono::milliseconds stalled{0};
  while (done < text.size()) {
    const ssize_t n = write_now(text.substr(done));
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      stalled = {};
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || errno != EAGAIN || !patience(stalled)) break;
    pollfd room{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, static_cast<int>(kWait.count())) == 0) stalled += kWait;
  }
  size_ += done;
  return done;
}

ssize_t LogFile::write_now(std::string_view text) const {
  if (kind_ == Kind::own) return ::write(fd_.get(), text.data(), text.size());
  if (kind_ == Kind::socket)
    return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  // So much a pipe takes at once when it says that it has room.
  pollfd room{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&room, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd_.get(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

std::expected<void, LogError> LogFile::reopen() {
  if (options_.path.empty()) return {};
  auto fd = open_for_append(options_.path);
  if (!fd) return std::unexpected(std::move(fd.error()));
  fd_ = std::move(*fd);
  torn_ = false;
  measure();
  return {};
}

/// Frees <path>.1. An old file may be there in either form: the option may have changed, or the
/// process have ended before it was compressed.
void LogFile::shift_old_files() {
  for (const std::string_view end : {"", ".gz"}) {
    const auto old = [&](std::uint32_t i) { return fmt::format("{}.{}{}", options_.path, i, end); };
    (void)::unlink(old(options_.keep).c_str());
    for (std::uint32_t i = options_.keep; i > 1; --i)
      (void)::rename(old(i - 1).c_str(), old(i).c_str());
  }
}

void LogFile::compress_aside(const std::string& file) {
  try {
    compressing_ = std::jthread(
        [file](const std::stop_token& stop) { static_cast<void>(compress_file(file, stop)); });
  } catch (const std::system_error&) {
    return;  // no thread to be had: the file stays as it is
  }
}

void LogFile::rotate() {
  if (compressing_.joinable()) compressing_.join();  // its file is about to be renamed
  const std::string newest = options_.path + ".1";
  bool moved = true;
  if (options_.keep == 0) {
    moved = ::unlink(options_.path.c_str()) == 0;
  } else {
    shift_old_files();
    moved = ::rename(options_.path.c_str(), newest.c_str()) == 0;
  }
  if (moved && options_.keep != 0 && options_.compress) compress_aside(newest);
  if (moved && reopen()) return;
  rotate_at_ =
      size_ + options_.max_bytes;  // e.g. rights were dropped: go on in this file, try again later
}

}  // namespace aralez
