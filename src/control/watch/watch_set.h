#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "control/watch/watch_spec.h"

namespace aralez {

/// The inotify watches that a WatchSpec needs right now. For each path it walks the names as the
/// kernel would, symlinks included, and watches in every folder on the way for the one name that
/// matters there. So a file saved by rename, a swapped link, a folder that is moved away or appears
/// later are all the same case. One thread.
class WatchSet {
 public:
  /// Pre: paths of `spec` are absolute and outlive this.
  explicit WatchSet(const WatchSpec& spec);

  /// Follows the paths anew; call when events said that names changed.
  void resolve();
  /// Reads what is queued. True when any of it concerns a watched path; resolve() has then been
  /// called.
  [[nodiscard]] bool drain();

  /// Somebody has written to a watched file and not closed it yet, as far as events tell: there may
  /// be half of it.
  [[nodiscard]] bool being_written() const noexcept { return !open_.empty(); }

  /// Readable when there is something to drain; -1 when the system has no inotify instance left.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The errno value of why some folder or file cannot be watched, so that looking at times is all
  /// that is left; else 0.
  [[nodiscard]] int blind() const noexcept { return blind_; }

 private:
  /// What matters in a folder (or of a file, for which there are no names).
  struct Interest {
    std::set<std::string, std::less<>> names;
    const WatchedFolder* listed = nullptr;
    bool whole_file = false;
  };

  void follow(const std::string& path, const WatchedFolder* as_folder);
  [[nodiscard]] Interest* watch(const std::string& path, std::uint32_t mask);
  void watch_file(const std::string& path);
  [[nodiscard]] bool concerns(int wd, std::uint32_t mask, std::string_view name) const;
  void note_writer(int wd, std::uint32_t mask);

  const WatchSpec& spec_;
  UniqueFd fd_;
  std::unordered_map<int, Interest> interests_;  // by watch descriptor
  std::set<int> open_;                           // files written to, not closed
  int blind_ = 0;
};

}  // namespace aralez
