#include "config/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/unique_fd.h"

namespace aralez {
namespace {

FileText failed(int code) {
  const bool missing = code == ENOENT || code == ENOTDIR;
  return {missing ? FileText::Status::missing : FileText::Status::unreadable,
          {},
          std::generic_category().message(code)};
}

}  // namespace

FileText read_text_file(const std::string& path, std::size_t cap, FileRule rule) {
  const int flags = rule == FileRule::regular ? O_NONBLOCK | O_NOCTTY : 0;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!fd) return failed(errno);
  struct stat st{};
  if (rule == FileRule::regular && (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)))
    return {FileText::Status::unreadable, {}, "not a regular file"};
  FileText out{FileText::Status::ok, {}, {}};
  std::array<char, 64 * 1024> piece;
  while (out.text.size() <= cap) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    if (n == 0) break;
    out.text.append(piece.data(), static_cast<std::size_t>(n));
  }
  if (out.text.size() > cap) out.text.resize(cap + 1);
  return out;
}

}  // namespace aralez
