#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/reactor.h"
#include "io/socket_address.h"

namespace aralez {

/// Kernel keepalive of accepted sockets; off when idle is 0. Seconds.
struct TcpKeepalive {
  std::uint32_t idle = 0;
  std::uint32_t interval = 10;
  std::uint32_t count = 5;
};

struct ListenOptions {
  int backlog = 4096;
  TcpKeepalive keepalive;
};

/// A listening socket with SO_REUSEPORT, so that each worker has its own queue. The error text
/// names the cause.
struct ListenError {
  int err = 0;
  std::string what;
};
[[nodiscard]] std::expected<UniqueFd, ListenError> open_listener(const SocketAddress& address,
                                                                 const ListenOptions& options);
/// Fails when somebody else listens there already, which SO_REUSEPORT would hide.
[[nodiscard]] std::expected<void, ListenError> probe_address(const SocketAddress& address);

class AcceptEvents {
 public:
  virtual void on_accept(UniqueFd fd, const SocketAddress& peer) = 0;
  /// No descriptor or memory for another connection; accepting pauses for a moment.
  virtual void on_accept_paused(int err) = 0;

 protected:
  ~AcceptEvents() = default;
};

/// Accepts on one worker. When descriptors run out it leaves connections in the kernel's queue and
/// looks again later, instead of spinning.
class Listener final : private IoHandler {
 public:
  Listener(Reactor& reactor, UniqueFd fd, AcceptEvents& events);
  ~Listener() { close(); }

  /// False when the kernel refuses to watch the socket.
  [[nodiscard]] bool start();
  /// Takes what is queued already, then closes: nobody who was let in by the kernel is turned away.
  void drain();

 private:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Millis kPause{100};

  void on_io(std::uint32_t what) override;
  /// Accepts up to `most`; false when the queue is empty or accepting paused.
  bool accept_some(int most);
  void pause(int err);
  void resume(TimePoint now);
  void close() noexcept;

  Reactor& reactor_;
  UniqueFd fd_;
  AcceptEvents& events_;
  MemberTimer<Listener, &Listener::resume> pause_timer_{*this};
};

}  // namespace aralez
