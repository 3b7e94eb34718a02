#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"
#include "observe/metrics/metrics.h"

namespace aralez {
namespace {

struct CloseDir {
  void operator()(DIR* d) const noexcept { ::closedir(d); }
};

std::uint64_t count_open_files() {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir("/proc/self/fd"));
  if (!dir) return 0;
  std::uint64_t n = 0;
  while (const dirent* e = ::readdir(dir.get()))  // NOLINT(concurrency-mt-unsafe): its own DIR
    if (e->d_name[0] != '.') ++n;
  return n == 0 ? 0 : n - 1;  // the folder itself
}

/// The second field of statm is VmRSS, in pages.
std::uint64_t resident_bytes() {
  const UniqueFd fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> buffer;
  const ssize_t n = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : 0;
  if (n <= 0) return 0;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(text.data() + blank + 1, text.data() + text.size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void sample_process(ProcessFigures& process) {
  process.open_files = count_open_files();
  process.memory_bytes = resident_bytes();
}

}  // namespace aralez
