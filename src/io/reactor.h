#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "io/loop.h"
#include "io/mailbox.h"

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
  /// on_io() will be called in a moment: fetch what it will touch (base/prefetch.h), change
  /// nothing.
  virtual void expect_io() const {}

 protected:
  ~IoHandler() = default;
};

enum class Watch : std::uint8_t { stream, listener };

/// The event loop of one worker: one thread, one clock reading per turn. Everything but
/// `mailbox().post` belongs to that thread.
class Reactor : public Loop {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Runs until stop().
  void run();
  /// One turn; waits at most `max_wait`. For tests and for run().
  void turn(Millis max_wait);
  void stop() noexcept { stopping_ = true; }

  [[nodiscard]] Mailbox& mailbox() noexcept { return mailbox_; }

  /// Registers a descriptor once: streams edge-triggered for both directions, listeners
  /// level-triggered. False when the kernel refuses.
  [[nodiscard]] bool watch(int fd, IoHandler& handler, Watch kind);
  void unwatch(int fd) noexcept;

 private:
  class MailHandler final : public IoHandler {
   public:
    explicit MailHandler(Mailbox& m) : mailbox_(m) {}
    void on_io(std::uint32_t) override { mailbox_.deliver(); }

   private:
    Mailbox& mailbox_;
  };

  UniqueFd epoll_;
  Mailbox mailbox_;
  MailHandler mail_handler_{mailbox_};
  bool stopping_ = false;
};

}  // namespace aralez
