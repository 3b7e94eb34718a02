#pragma once

#include "base/intrusive_list.h"
#include "base/prefetch.h"
#include "codec/h1/client_codec.h"
#include "io/socket.h"

namespace aralez {

class EndpointPool;
class UpstreamConnection;

/// Waits for a connection; held by one attempt.
class ConnectionWaiter {
 public:
  virtual void on_upstream_ready(UpstreamConnection& connection) = 0;
  virtual void on_upstream_failed(Error error) = 0;

 protected:
  ~ConnectionWaiter() = default;
};

/// A connect under way. The reference ends when its waiter is told or forgotten.
class PendingConnect {
 public:
  /// The waiter has lost interest; a connection that comes of it becomes a spare one.
  virtual void forget_waiter() = 0;

 protected:
  ~PendingConnect() = default;
};

/// Place in the list of idle connections of all endpoints, oldest first.
class IdleByAge : public ListNode {};
/// Place in the list of idle connections of one endpoint, newest first.
class IdleOfEndpoint : public ListNode {};

/// One connection to an endpoint: socket and codec. Owned by its pool; dies at the end of the loop
/// turn in which it closes.
class alignas(64) UpstreamConnection final : public Retired,
                                             public IdleByAge,
                                             public IdleOfEndpoint,
                                             public PendingConnect,
                                             private h1::ClientEvents {
 public:
  UpstreamConnection(Reactor& reactor, EndpointPool& pool, h1::HeadScratch& scratch);

  /// Either the waiter hears of it later, or this returns an error and nothing follows.
  [[nodiscard]] Result<void> connect(const SocketAddress& to, ConnectionWaiter* waiter,
                                     Millis timeout);
  void forget_waiter() override { waiter_ = nullptr; }
  [[nodiscard]] const SocketAddress& peer() const noexcept { return peer_; }
  /// Whether it closes instead of becoming idle again: its address is one of the endpoint no more.
  void set_leaving(bool leaving) noexcept { leaving_ = leaving; }

  [[nodiscard]] Stream& open_stream(StreamEvents& events) {
    ++requests_;
    return codec_.open_stream(events);
  }
  /// It has been idle, so the upstream may have closed it meanwhile.
  [[nodiscard]] bool reused() const noexcept { return spare_ || requests_ > 1; }
  [[nodiscard]] bool response_started() const noexcept { return codec_.response_started(); }
  [[nodiscard]] EndpointPool& pool() const noexcept { return pool_; }
  void close() { codec_.close(Transport::CloseMode::normal); }
  void arm_idle(Millis timeout) { timer_.arm(reactor_.timers(), reactor_.now() + timeout); }
  void cancel_timer() { timer_.cancel(); }
  /// It will be used in a moment (base/prefetch.h).
  void fetch() const noexcept { prefetch(this, kUsedBytes); }

 private:
  static constexpr std::size_t kUsedBytes = 576;  ///< up to the socket's last members

  void on_connected() override;
  void on_reusable() override;
  void on_closed(Error why) override;
  void on_timer(TimePoint now);

  // In the order of use; the socket's last members a small request does not touch.
  Reactor& reactor_;
  EndpointPool& pool_;
  ConnectionWaiter* waiter_ = nullptr;
  std::uint32_t requests_ = 0;
  bool connecting_ = false;
  bool leaving_ = false;
  bool spare_ = false;  ///< was idle before its first request
  MemberTimer<UpstreamConnection, &UpstreamConnection::on_timer> timer_{*this};
  h1::ClientCodec codec_;
  Socket socket_;
  SocketAddress peer_;
};

}  // namespace aralez
