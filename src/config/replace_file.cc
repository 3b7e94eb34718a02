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

/// A file that lies ready beside the one it is to replace. Gone with this unless commit() worked.
class Replacement {
 public:
  explicit Replacement(const fs::path& file) : file_(behind_links(file)) {}
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    for (const std::string& left : {temporary_, old_})
      if (!left.empty()) ::unlink(left.c_str());
  }

  // Each 0, or an errno value.
  int prepare(std::string_view text, FileAccess access) {
    struct stat st{};
    const bool exists = ::lstat(file_.c_str(), &st) == 0;
    if (exists && !S_ISREG(st.st_mode)) return S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
    replaces_ = exists;
    std::string name = beside();
    const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd) return errno;
    temporary_ = std::move(name);
    const int failed = write_all(fd.get(), text);
    return failed != 0 ? failed : take_after(fd.get(), exists ? &st : nullptr, access);
  }
  /// For undo(). Where hard links cannot be made there is no way back: on some file systems, and of
  /// a file of somebody else.
  void keep_old() {
    std::string name = temporary_ + ".old";
    if (::link(file_.c_str(), name.c_str()) == 0) old_ = std::move(name);
  }
  int commit() {
    if (::rename(temporary_.c_str(), file_.c_str()) != 0) return errno;
    temporary_.clear();
    sync_folder(folder());
    return 0;
  }
  void undo() {
    if (!replaces_)
      ::unlink(file_.c_str());
    else if (!old_.empty() && ::rename(old_.c_str(), file_.c_str()) == 0)
      old_.clear();
    sync_folder(folder());
  }

 private:
  [[nodiscard]] fs::path folder() const {
    return file_.has_parent_path() ? file_.parent_path() : fs::path(".");
  }
  [[nodiscard]] std::string beside() const {
    return folder() / ("." + file_.filename().string() + ".XXXXXX");
  }

  const fs::path file_;
  bool replaces_ = false;  ///< there was one before
  std::string temporary_;  ///< empty: there is none
  std::string old_;        ///< another name of what is replaced; empty as before
};

std::unexpected<std::string> cannot(std::string_view what, const std::string& path, int code) {
  return std::unexpected(
      fmt::format("{} cannot be {}: {}", path, what, std::generic_category().message(code)));
}

}  // namespace

std::expected<void, std::string> replace_file(const std::string& path, std::string_view text,
                                              FileAccess access) {
  Replacement next(path);
  int failed = next.prepare(text, access);
  if (failed == 0) failed = next.commit();
  if (failed != 0) return cannot("written", path, failed);
  return {};
}

std::expected<void, std::string> replace_pair(const NewContent& first, const NewContent& second) {
  Replacement one(first.path);
  Replacement two(second.path);
  int failed = one.prepare(first.text, first.access);
  if (failed == 0) one.keep_old();
  if (failed != 0) return cannot("written", first.path, failed);
  failed = two.prepare(second.text, second.access);
  if (failed != 0) return cannot("written", second.path, failed);
  if (failed = one.commit(); failed != 0) return cannot("written", first.path, failed);
  if (failed = two.commit(); failed == 0) return {};
  one.undo();
  return cannot("written", second.path, failed);
}

std::expected<void, std::string> check_writable(const std::string& folder) {
  std::error_code failed;
  if (fs::create_directories(folder, failed)) fs::permissions(folder, fs::perms::owner_all, failed);
  if (failed) return cannot("made", folder, failed.value());
  std::string name = fs::path(folder) / ".writable.XXXXXX";
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return cannot("written to", folder, errno);
  ::unlink(name.c_str());
  return {};
}

}  // namespace aralez
