#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/block.h"
#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/unique_fd.h"
#include "io/mailbox.h"
#include "io/pipe_pool.h"
#include "io/timer_wheel.h"

namespace aralez {

/// What a descriptor reports; bits of `IoHandler::on_io`.
namespace ready {
inline constexpr std::uint32_t kRead = 1;
inline constexpr std::uint32_t kWrite = 2;
inline constexpr std::uint32_t kPeerEnd = 4;  ///< the peer will send no more
inline constexpr std::uint32_t kBroken = 8;   ///< reset, or both directions closed
}  // namespace ready

class IoHandler {
 public:
  virtual void on_io(std::uint32_t what) = 0;

 protected:
  ~IoHandler() = default;
};

/// Work put off until the current event has been handled: output to flush, the next pipelined request.
class Deferred : private ListNode {
 public:
  virtual ~Deferred() = default;
  [[nodiscard]] bool pending() const noexcept { return linked(); }
  void cancel() noexcept { unlink(); }

 protected:
  virtual void run() = 0;

 private:
  friend class Reactor;
  friend class IntrusiveList<Deferred>;
};

/// Deferred as a member: calls a member function of its owner.
template <class Owner, void (Owner::*Fn)()>
class MemberDeferred final : public Deferred {
 public:
  explicit MemberDeferred(Owner& owner) : owner_(owner) {}

 private:
  void run() override { (owner_.*Fn)(); }
  Owner& owner_;
};

/// What is destroyed only when the loop turn ends, so that no caller up the stack loses its object (law 4).
class Retired {
 public:
  virtual ~Retired() = default;
};

enum class Watch : std::uint8_t { stream, listener };

/// The event loop of one worker: one thread, one clock reading per turn. Everything but `mailbox().post` and
/// `stop_soon` belongs to that thread.
class Reactor {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Runs until stop().
  void run();
  /// One turn; waits at most `max_wait`. For tests and for run().
  void turn(Millis max_wait);
  void stop() noexcept { stopping_ = true; }

  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  [[nodiscard]] BlockPool& blocks() noexcept { return blocks_; }
  [[nodiscard]] PipePool& pipes() noexcept { return pipes_; }
  [[nodiscard]] Mailbox& mailbox() noexcept { return mailbox_; }

  /// Registers a descriptor once: streams edge-triggered for both directions, listeners level-triggered.
  /// False when the kernel refuses.
  [[nodiscard]] bool watch(int fd, IoHandler& handler, Watch kind);
  void unwatch(int fd) noexcept;

  /// Runs `d` when the current event has been handled. Twice before that is once.
  void defer(Deferred& d) noexcept {
    if (!d.linked()) deferred_.push_back(d);
  }
  /// Runs `d` when all events of this turn have been handled.
  void defer_to_turn_end(Deferred& d) noexcept {
    if (!d.linked()) turn_end_.push_back(d);
  }
  void retire(std::unique_ptr<Retired> object) { retired_.push_back(std::move(object)); }

 private:
  class MailHandler final : public IoHandler {
   public:
    explicit MailHandler(Mailbox& m) : mailbox_(m) {}
    void on_io(std::uint32_t) override { mailbox_.deliver(); }

   private:
    Mailbox& mailbox_;
  };

  void run_deferred();
  void finish_turn();

  UniqueFd epoll_;
  TimePoint now_;
  BlockPool blocks_;
  PipePool pipes_;
  TimerWheel timers_;
  Mailbox mailbox_;
  MailHandler mail_handler_{mailbox_};
  IntrusiveList<Deferred> deferred_;
  IntrusiveList<Deferred> turn_end_;
  std::vector<std::unique_ptr<Retired>> retired_;
  bool stopping_ = false;
};

}  // namespace aralez
