#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "control/watch/watch_set.h"
#include "control/watch/watch_spec.h"

namespace aralez {

struct WatchOptions {
  Millis quiet{300};       ///< files are looked at when nothing happened to them for this long
  Millis max_delay{2000};  ///< or when the first event is this old
  Millis poll{2000};       ///< period of looking when (part of) the tree cannot be watched
  /// The first two while a file is being written. An upload that pauses leaves half a file, and
  /// half a YAML file is often one without mistakes.
  Millis unfinished_quiet{5000};
  Millis unfinished_max_delay{30'000};
};

/// What made the watcher call. At least one is true.
struct WatchReport {
  bool changed = false;  ///< the content differs from what the last call, or the constructor, saw
  bool poked = false;    ///< poke() asked for it
};

/// Calls back when the content of the watched files has changed: debounced on the trailing edge,
/// after a save by any means (behaviour section 16), and not while whoever saves has the file open.
/// A file that goes away is a change too. Files below the folders that were not named do not
/// matter.
///
/// Make it before the files are loaded for the first time and start() it after: a change in between
/// then causes a call too many, never one too few. The callback runs on the watcher's thread, one
/// call at a time, and must not throw. The destructor waits for a running call.
class FolderWatcher {
 public:
  using Callback = std::move_only_function<void(WatchReport)>;

  /// `logger` outlives the watcher. No thread is started yet, so the process may still fork.
  FolderWatcher(WatchSpec spec, Logger& logger, Callback callback, WatchOptions options = {});
  FolderWatcher(const FolderWatcher&) = delete;
  FolderWatcher& operator=(const FolderWatcher&) = delete;
  ~FolderWatcher();

  /// Once.
  void start();
  /// Any thread: look now and call back whether or not something changed.
  void poke();
  /// Any thread: how many times the files have been read since start(). For tests.
  [[nodiscard]] std::uint64_t checks() const noexcept {
    return checks_.load(std::memory_order_acquire);
  }

 private:
  enum class Asked : bool { no, yes };

  void run(const std::stop_token& stop);
  void wait() const;
  void wake() const;
  [[nodiscard]] std::optional<TimePoint> due() const;
  [[nodiscard]] bool differs_at_a_glance(TimePoint now);
  void check(Asked asked);
  void report_blindness();

  const WatchSpec spec_;
  Logger& logger_;
  Callback callback_;
  const WatchOptions options_;
  const std::uint64_t key_;
  WatchSet set_;
  UniqueFd wake_;
  std::uint64_t last_;                    ///< fingerprint of the last call
  std::optional<TimePoint> first_event_;  ///< of those not yet looked into
  TimePoint last_event_;
  TimePoint next_glance_;
  std::optional<std::uint64_t> last_glance_;
  int reported_blind_ = 0;
  std::atomic<bool> poked_{false};
  std::atomic<std::uint64_t> checks_{0};
  std::jthread thread_;  // last: ends before the rest goes
};

}  // namespace aralez
