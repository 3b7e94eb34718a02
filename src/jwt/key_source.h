#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "jwt/key_set.h"

namespace aralez {

/// Keys that may be exchanged while they are used. Any thread may call anything.
class KeySource {
 public:
  /// No keys yet.
  KeySource() = default;
  explicit KeySource(KeySet fixed) : keys_(std::make_shared<const KeySet>(std::move(fixed))) {}

  /// Changes with the keys, and is no other source's: what was judged by it is judged anew. Read it
  /// before keys().
  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }
  /// Null while there are none. Takes a lock: not for every request.
  [[nodiscard]] std::shared_ptr<const KeySet> keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
  }
  void publish(std::shared_ptr<const KeySet> keys) {
    {
      const std::lock_guard lock(mutex_);
      keys_ = std::move(keys);
    }
    version_.store(next_version(), std::memory_order_release);
  }

  /// A token named a key that is not there: the owner may look whether there are new ones.
  void ask_for_refresh() noexcept { wish_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_wanted() const noexcept { return wish_.load(std::memory_order_relaxed); }
  void clear_wish() noexcept { wish_.store(false, std::memory_order_relaxed); }

 private:
  static std::uint64_t next_version() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;
  std::atomic<std::uint64_t> version_{next_version()};
  std::atomic<bool> wish_{false};
};

}  // namespace aralez
