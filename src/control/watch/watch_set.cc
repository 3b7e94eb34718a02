#include "control/watch/watch_set.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "control/watch/fingerprint.h"

namespace aralez {
namespace {

// Folders tell of names only: a log that grows beside a watched file does not even wake us. The
// content of a file is watched on the file itself.
constexpr std::uint32_t kFolderMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                      IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
                                      IN_DONT_FOLLOW;
constexpr std::uint32_t kFileMask = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DONT_FOLLOW;
constexpr std::uint32_t kGone = IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;
constexpr int kMaxLinks = 40;  // what the kernel allows
constexpr int kMaxReads = 16;  // at a time: whoever makes events without end must not keep us here

std::string join(const std::string& folder, const std::string& name) {
  return folder == "/" ? folder + name : folder + "/" + name;
}

/// Pushes the names of `path` so that the first one is on top.
void push_names(std::vector<std::string>& stack, const std::filesystem::path& path) {
  const auto at = static_cast<std::ptrdiff_t>(stack.size());
  for (const auto& part : path.relative_path()) stack.insert(stack.begin() + at, part.native());
}

}  // namespace

WatchSet::WatchSet(const WatchSpec& spec) : spec_(spec) {
  resolve();
}

void WatchSet::resolve() {
  if (!fd_) fd_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  blind_ = fd_ ? 0 : errno;
  if (!fd_) return;
  const auto old = std::exchange(interests_, {});
  for (const auto& file : spec_.files) follow(file, nullptr);
  for (const auto& folder : spec_.folders) {
    follow(folder.path, &folder);
    for (const auto& file : list_files(folder)) follow(file, nullptr);
  }
  for (const auto& [wd, interest] : old)
    if (!interests_.contains(wd)) ::inotify_rm_watch(fd_.get(), wd);
  std::erase_if(open_, [&](int wd) { return !interests_.contains(wd); });
}

void WatchSet::follow(const std::string& path, const WatchedFolder* as_folder) {
  std::vector<std::string> rest;
  push_names(rest, path);
  std::string at = "/";
  int links = 0;
  while (!rest.empty()) {
    const std::string name = std::move(rest.back());
    rest.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at = std::filesystem::path(at).parent_path().native();  // no symlink is left in `at`
      continue;
    }
    // First the watch, then the look: what happens in between is an event.
    if (Interest* folder = watch(at, kFolderMask)) folder->names.insert(name);
    std::string next = join(at, name);
    struct stat st{};
    if (::lstat(next.c_str(), &st) != 0) return;  // the watch on `at` will tell when there is one
    if (S_ISLNK(st.st_mode)) {
      std::error_code error;
      const auto target = std::filesystem::read_symlink(next, error);
      if (error || ++links > kMaxLinks) return;
      push_names(rest, target);
      if (target.is_absolute()) at = "/";
      continue;
    }
    at = std::move(next);
    if (S_ISDIR(st.st_mode)) continue;
    if (rest.empty() && !as_folder) watch_file(at);
    return;
  }
  if (!as_folder) return;
  if (Interest* folder = watch(at, kFolderMask)) folder->listed = as_folder;
}

WatchSet::Interest* WatchSet::watch(const std::string& path, std::uint32_t mask) {
  const int wd = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
  if (wd >= 0) return &interests_[wd];  // the same folder by another name has the same descriptor
  if (errno != ENOENT && errno != ENOTDIR) blind_ = errno;
  return nullptr;
}

void WatchSet::watch_file(const std::string& path) {
  const int before = blind_;
  if (Interest* file = watch(path, kFileMask))
    file->whole_file = true;
  else if (blind_ == EACCES)
    blind_ = before;  // not readable either: nothing to see until its mode changes
}

bool WatchSet::concerns(int wd, std::uint32_t mask, std::string_view name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) return true;
  const auto it = interests_.find(wd);
  if (it == interests_.end()) return false;  // of a watch that was removed
  const Interest& i = it->second;
  if (i.whole_file || (mask & kGone) != 0) return true;
  return i.names.contains(name) || (i.listed && belongs(*i.listed, name));
}

void WatchSet::note_writer(int wd, std::uint32_t mask) {
  const auto it = interests_.find(wd);
  if (it == interests_.end() || !it->second.whole_file) return;
  if ((mask & (IN_CLOSE_WRITE | kGone)) != 0)
    open_.erase(wd);
  else if ((mask & IN_MODIFY) != 0)
    open_.insert(wd);
}

bool WatchSet::drain() {
  bool found = false;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (int round = 0; round < kMaxReads; ++round) {
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      inotify_event event;
      assert(at + sizeof event <= static_cast<std::size_t>(n));
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string_view padded(buffer.data() + at + sizeof event, event.len);
      note_writer(event.wd, event.mask);
      found |= concerns(event.wd, event.mask, padded.substr(0, padded.find('\0')));
      at += sizeof event + event.len;
    }
  }
  if (found) resolve();
  return found;
}

}  // namespace aralez
