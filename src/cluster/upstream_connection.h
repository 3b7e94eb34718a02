#pragma once

#include "base/intrusive_list.h"
#include "base/prefetch.h"
#include "cluster/protocol.h"
#include "codec/h1/client_codec.h"
#include "io/socket.h"

namespace aralez {

class EndpointPool;
class UpstreamConnection;
struct ConnectionGroup;

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
/// Place in a list of the connection's group: of the idle ones, newest first, or, where many
/// requests share a connection, of all that take more.
class GroupMember : public ListNode {};

struct ConnectTimes {
  Millis all;     ///< until it is open
  Millis answer;  ///< the same, once TCP is there; 0: as long as `all` allows
};

/// What is not looked at while requests come and go.
struct ConnectionFacts {
  ConnectionGroup& group;
  TimePoint begun{};     ///< when the connect was
  TimePoint deadline{};  ///< for being open
  SocketAddress peer{};
};

/// One connection to an endpoint: socket and codec, and TLS where there is some. Owned by its pool;
/// dies at the end of the loop turn in which it closes. What differs by protocol is in the classes
/// below it; the plain HTTP/1.1 one is called without a virtual hop.
class UpstreamConnection : public Retired,
                           public IdleByAge,
                           public GroupMember,
                           public PendingConnect {
 public:
  ~UpstreamConnection() override = default;

  /// Either the waiter hears of it later, or this returns an error and nothing follows.
  [[nodiscard]] Result<void> connect(const SocketAddress& to, ConnectionWaiter* waiter,
                                     const ConnectTimes& times);
  void forget_waiter() final { waiter_ = nullptr; }
  [[nodiscard]] const SocketAddress& peer() noexcept { return facts().peer; }
  [[nodiscard]] TimePoint begun() noexcept { return facts().begun; }
  /// Whether it closes instead of becoming idle again: its address is one of the endpoint no more.
  void set_leaving(bool leaving) noexcept;

  /// Pre: has_room().
  [[nodiscard]] inline Stream& open_stream(StreamEvents& events);
  /// It has been in use or idle, so the upstream may have closed it meanwhile.
  [[nodiscard]] bool reused() const noexcept { return uses_ > 1; }
  [[nodiscard]] virtual bool response_started() const noexcept = 0;
  /// Whether it takes a request beside those it has. Of those that take one at a time the pool
  /// knows.
  [[nodiscard]] virtual bool has_room() const noexcept { return true; }
  [[nodiscard]] bool takes_requests() const noexcept { return state_ == State::open && has_room(); }
  /// Requests under way; counted where there may be many.
  [[nodiscard]] virtual std::size_t requests() const noexcept { return 0; }
  [[nodiscard]] UpstreamProtocol protocol() const noexcept { return protocol_; }
  [[nodiscard]] EndpointPool& pool() const noexcept { return pool_; }
  [[nodiscard]] ConnectionGroup& group() noexcept { return facts().group; }
  virtual void close() = 0;
  /// Nobody wants it now: it becomes an idle one.
  void leave_spare();
  void arm_idle(Millis timeout) { timer_.arm(reactor_.timers(), reactor_.now() + timeout); }
  void cancel_timer() { timer_.cancel(); }
  /// It will be used in a moment (base/prefetch.h).
  void fetch() const noexcept { prefetch(this, kUsedBytes); }

 protected:
  UpstreamConnection(Reactor& reactor, EndpointPool& pool, UpstreamProtocol protocol)
      : reactor_(reactor), pool_(pool), protocol_(protocol) {}

  [[nodiscard]] virtual ConnectionFacts& facts() noexcept = 0;
  [[nodiscard]] virtual Result<void> start(const SocketAddress& to) = 0;
  [[nodiscard]] virtual Stream& open_on_codec(StreamEvents& events) = 0;
  /// Whether TCP is there and the peer's greeting is waited for.
  [[nodiscard]] virtual bool greeting() const noexcept { return false; }

  /// The first request may be sent.
  void opened(UpstreamProtocol protocol);
  /// No request is under way, another may be.
  void reusable();
  /// No more requests, those under way go on.
  void draining();
  void ended(Error why);

  // In the order of use; a derived class goes on with codec and socket (docs/adr/0011).
  Reactor& reactor_;
  EndpointPool& pool_;

 private:
  static constexpr std::size_t kUsedBytes =
      576;  ///< of UpstreamH1, up to the socket's last members
  enum class State : std::uint8_t { connecting, open, leaving, closed };

  void on_timer(TimePoint now);
  [[nodiscard]] bool is_open() const noexcept {
    return state_ == State::open || state_ == State::leaving;
  }

  ConnectionWaiter* waiter_ = nullptr;
  std::uint32_t uses_ = 0;  ///< requests sent; two at once if it was idle before the first
  State state_ = State::connecting;
  UpstreamProtocol protocol_;
  MemberTimer<UpstreamConnection, &UpstreamConnection::on_timer> timer_{*this};
};

/// HTTP/1.1 over TCP: the one that most requests take.
class alignas(64) UpstreamH1 final : public UpstreamConnection, private h1::ClientEvents {
 public:
  UpstreamH1(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group,
             h1::HeadScratch& scratch);

  [[nodiscard]] bool response_started() const noexcept override {
    return codec_.response_started();
  }
  void close() override { codec_.close(Transport::CloseMode::normal); }

 private:
  friend class UpstreamConnection;
  [[nodiscard]] Result<void> start(const SocketAddress& to) override { return socket_.connect(to); }
  [[nodiscard]] Stream& open_on_codec(StreamEvents& events) override {
    return codec_.open_stream(events);
  }
  void on_connected() override;
  void on_reusable() override { reusable(); }
  void on_closed(Error why) override { ended(why); }

  [[nodiscard]] ConnectionFacts& facts() noexcept override { return facts_; }

  h1::ClientCodec codec_;
  Socket socket_;
  ConnectionFacts facts_;
};

inline Stream& UpstreamConnection::open_stream(StreamEvents& events) {
  ++uses_;
  if (protocol_ == UpstreamProtocol::plain_h1)
    return static_cast<UpstreamH1*>(this)->codec_.open_stream(events);
  return open_on_codec(events);
}

}  // namespace aralez
