#include "control/watch/fingerprint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/hash.h"
#include "base/unique_fd.h"

namespace aralez {
namespace {

void add_number(KeyedHash& hash, std::uint64_t n) {
  std::array<char, sizeof n> bytes;
  std::memcpy(bytes.data(), &n, sizeof n);
  hash.add({bytes.data(), bytes.size()});
}

/// Returns 0, or the errno value of what went wrong.
int add_content(KeyedHash& hash, const std::string& path) {
  // O_NONBLOCK: a pipe of that name must not hold us up.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return errno;
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return errno;
  if (!S_ISREG(st.st_mode)) return EINVAL;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t total = 0;
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    total += static_cast<std::uint64_t>(n);
    hash.add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  }
  add_number(hash, total);
  return 0;
}

int add_stat(KeyedHash& hash, const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return errno;
  for (const auto n :
       {st.st_dev, st.st_ino, static_cast<dev_t>(st.st_size), static_cast<dev_t>(st.st_ctim.tv_sec),
        static_cast<dev_t>(st.st_ctim.tv_nsec), static_cast<dev_t>(st.st_mtim.tv_sec),
        static_cast<dev_t>(st.st_mtim.tv_nsec)})
    add_number(hash, n);
  return 0;
}

/// `add` puts one file in and says what went wrong.
std::uint64_t hash_files(const WatchSpec& spec, std::uint64_t key,
                         int (*add)(KeyedHash&, const std::string&)) {
  KeyedHash hash(key);
  const auto add_file = [&](const std::string& path) {
    add_number(hash, path.size());
    hash.add(path);
    add_number(hash, static_cast<std::uint64_t>(add(hash, path)));
  };
  for (const auto& path : spec.files) add_file(path);
  for (const auto& folder : spec.folders) {
    const auto files = list_files(folder);
    add_number(hash, files.size());
    for (const auto& path : files) add_file(path);
  }
  return hash.value();
}

}  // namespace

bool belongs(const WatchedFolder& folder, std::string_view name) {
  return !name.starts_with('.') && std::ranges::any_of(folder.endings, [&](const std::string& e) {
    return name.ends_with(e);
  });
}

std::vector<std::string> list_files(const WatchedFolder& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder.path, error), end; !error && it != end;
       it.increment(error))
    if (belongs(folder, it->path().filename().native())) files.push_back(it->path().native());
  std::ranges::sort(files);
  return files;
}

std::uint64_t fingerprint(const WatchSpec& spec, std::uint64_t key) {
  return hash_files(spec, key, add_content);
}

std::uint64_t glance(const WatchSpec& spec, std::uint64_t key) {
  return hash_files(spec, key, add_stat);
}

}  // namespace aralez
