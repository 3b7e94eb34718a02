#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace aralez {

/// How other threads reach a worker: they post a function, the worker runs it on its own thread, in
/// order.
class Mailbox {
 public:
  using Letter = std::move_only_function<void()>;

  Mailbox();
  /// Any thread. Never waits for the worker.
  void post(Letter letter);
  /// The descriptor that becomes readable when there is mail.
  [[nodiscard]] int fd() const noexcept { return event_.get(); }
  /// The owner's thread: runs what has arrived.
  void deliver();

 private:
  UniqueFd event_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace aralez
