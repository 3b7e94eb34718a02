#include "config/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/unique_fd.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel

/// The file that `path` leads to, which need not exist; a link when they lead nowhere.
fs::path behind_links(fs::path path) {
  std::error_code ec;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, ec); ++i) {
    const fs::path to = fs::read_symlink(path, ec);
    if (ec) break;
    path = to.is_absolute() ? to : path.parent_path() / to;
  }
  return path;
}

/// 0, or an errno value. `old` is null when there is no old file.
int take_after(int fd, const struct stat* old, FileAccess access) {
  if (!old) return 0;  // mkostemp made it 0600
  if (::fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM) return errno;
  if (access == FileAccess::owner_alone) return 0;
  return ::fchmod(fd, old->st_mode & 07777) == 0 ? 0 : errno;
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

/// Makes the rename last. Some file systems cannot; the content is safe all the same.
void sync_folder(const fs::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) static_cast<void>(::fsync(fd.get()));
}

/// 0, or an errno value.
int replace(const fs::path& file, std::string_view text, FileAccess access) {
  struct stat st{};
  const bool exists = ::lstat(file.c_str(), &st) == 0;
  if (exists && !S_ISREG(st.st_mode)) return S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::string temporary = folder / ("." + file.filename().string() + ".XXXXXX");
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return errno;
  int failed = write_all(fd.get(), text);
  if (failed == 0) failed = take_after(fd.get(), exists ? &st : nullptr, access);
  if (failed == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) failed = errno;
  if (failed != 0)
    ::unlink(temporary.c_str());
  else
    sync_folder(folder);
  return failed;
}

}  // namespace

std::expected<void, std::string> replace_file(const std::string& path, std::string_view text,
                                              FileAccess access) {
  if (const int failed = replace(behind_links(path), text, access); failed != 0)
    return std::unexpected(
        fmt::format("{} cannot be written: {}", path, std::generic_category().message(failed)));
  return {};
}

}  // namespace aralez
