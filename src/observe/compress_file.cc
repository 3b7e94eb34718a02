#include "observe/compress_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <memory>

#include "base/unique_fd.h"

namespace aralez {
namespace {

struct CloseGz {
  void operator()(gzFile_s* file) const noexcept { static_cast<void>(::gzclose(file)); }
};

bool copy(int from, gzFile to, const std::stop_token& stop) {
  std::array<char, 64 * 1024> buffer;
  while (!stop.stop_requested()) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n <= 0) return n == 0;
    if (::gzwrite(to, buffer.data(), static_cast<unsigned>(n)) != static_cast<int>(n)) return false;
  }
  return false;
}

bool write_gz(const std::string& path, const std::string& out, const std::stop_token& stop) {
  const UniqueFd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat st{};
  if (!from || ::fstat(from.get(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
  UniqueFd to(::open(out.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777));
  if (!to) return false;
  std::unique_ptr<gzFile_s, CloseGz> gz(::gzdopen(to.get(), "wb"));
  if (!gz) return false;
  static_cast<void>(to.release());  // gzclose closes it
  return copy(from.get(), gz.get(), stop) && ::gzclose(gz.release()) == Z_OK;
}

}  // namespace

bool compress_file(const std::string& path, const std::stop_token& stop) {
  const std::string unfinished = path + ".gz.new";
  (void)::unlink(unfinished.c_str());  // of a process that was killed
  if (write_gz(path, unfinished, stop) && ::rename(unfinished.c_str(), (path + ".gz").c_str()) == 0)
    return ::unlink(path.c_str()) == 0;
  (void)::unlink(unfinished.c_str());
  return false;
}

}  // namespace aralez
