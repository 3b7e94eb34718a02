#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/log.h"
#include "cluster/cluster_spec.h"
#include "cluster/connection_group.h"
#include "cluster/detecting_connect.h"
#include "cluster/named_connect.h"
#include "cluster/pace.h"
#include "cluster/passive_health.h"
#include "cluster/upstream_connection.h"
#include "codec/h2/session.h"
#include "observe/counters.h"

namespace aralez {

/// What pools of one worker share: the bound on idle connections, oldest leave first.
struct PoolShare {
  Reactor& reactor;
  Resolver& resolver;
  h1::HeadScratch& scratch;
  h2::Shared& h2;
  Limits limits;
  Logger& logger;
  CounterBlock& counters;
  std::size_t max_idle = 0;  ///< this worker's part of upstream_keepalive_pool_size
  IntrusiveList<IdleByAge> idle;
  std::size_t idle_count = 0;
  std::size_t worker = 0;  ///< its cell of each EndpointState
};

/// Connections of one worker to one endpoint, whichever routes use it, and what is known of its
/// protocol. Idle ones are reused newest first; of those that take many requests the one with the
/// fewest, and another is opened only when all are full. New ones to an endpoint given by name go
/// to its addresses by turns; those to an address that has left the name end when they are idle.
class EndpointPool final : public std::enable_shared_from_this<EndpointPool>, private NameEvents {
 public:
  EndpointPool(PoolShare& share, EndpointSpec spec);
  ~EndpointPool();
  EndpointPool(const EndpointPool&) = delete;
  EndpointPool& operator=(const EndpointPool&) = delete;

  // Turns (pace.h), where a connection takes one request at a time. A request that need not wait,
  // or whose turn has come, enters, then takes or makes a connection, and leaves when it is
  // answered.

  [[nodiscard]] bool must_wait() noexcept {
    return waiting_ > 0 || (paced() && pace_.full(0, share_.reactor.now()));
  }
  /// In the order of arrival; told from the loop. It may end the wait itself.
  void wait_for_turn(Deferred& turn);
  void give_up_turn(Deferred& turn) noexcept;
  [[nodiscard]] Pace::Ticket enter() noexcept { return pace_.enter(share_.reactor.now()); }
  void leave(Pace::Ticket ticket, Pace::Left how) noexcept {
    pace_.leave(ticket, how, share_.reactor.now());
    if (waiting_ > 0) share_.reactor.defer(next_turns_);
  }

  /// A connection that takes a request now, or null.
  [[nodiscard]] UpstreamConnection* take(const ConnectionWish& wish) {
    if (!plain_.idle.empty() && detection_.last() == UpstreamProtocol::plain_h1)
      return take_idle(plain_);
    return detection_.last() == UpstreamProtocol::plain_h1 ? nullptr : take_other(wish);
  }
  /// A new connection; the waiter hears of it from the loop. Null and an error when that is known
  /// at once.
  [[nodiscard]] Result<PendingConnect*> connect(ConnectionWaiter& waiter,
                                                const ConnectionWish& wish, Millis timeout);
  /// It has refused a request because of HTTP/2: for a time its requests go by HTTP/1.1.
  void require_http1();
  /// A request failed in a way that a change of protocol would explain.
  void doubt() noexcept { detection_.doubt(share_.reactor.now()); }

  // Whether it takes requests (passive_health.h), and what is counted of it.
  [[nodiscard]] Reach reach() const noexcept { return passive_.reach(); }
  [[nodiscard]] bool may_try() const noexcept {
    return passive_.may_try(share_.reactor.now(), state_.reached_at());
  }
  /// True when the caller's request is the one that finds out whether the endpoint is back.
  [[nodiscard]] bool take_trial() noexcept {
    if (!may_try()) return false;
    passive_.begin_trial(share_.reactor.now());
    return true;
  }
  /// A request could not be sent for this reason, or could not have been.
  void unreachable(const Error& why);
  /// An answer has begun.
  void answered() {
    if (passive_.succeeded()) [[unlikely]]
      back();
  }
  [[nodiscard]] EndpointCell& cell() noexcept { return cell_; }

  [[nodiscard]] const EndpointSpec& spec() const noexcept { return spec_; }
  /// What to count on.
  [[nodiscard]] UpstreamProtocol known() const noexcept {
    return detection_.known(share_.reactor.now());
  }
  [[nodiscard]] const Detection& detection() const noexcept { return detection_; }
  [[nodiscard]] std::size_t connections() const noexcept { return all_.size(); }
  void close_idle();

  /// For the connections.
  [[nodiscard]] DeferredGroup& output_group() noexcept { return output_; }
  [[nodiscard]] CounterBlock& counters() noexcept { return share_.counters; }
  void opened(UpstreamConnection& c);
  void park(UpstreamConnection& c);
  void drop(UpstreamConnection& c);
  void not_reached(const Error& why) {
    if (address_) lost(why);
  }

  /// For connects. A connection by `wire`, to whichever address; where there are many they are
  /// tried in turn.
  [[nodiscard]] Result<PendingConnect*> begin(Wire wire, const ConnectionWish& wish,
                                              ConnectionWaiter& waiter, const ConnectTimes& times);
  [[nodiscard]] Result<UpstreamConnection*> dial(const SocketAddress& to, const Greeting& greeting,
                                                 ConnectionWaiter& waiter,
                                                 const ConnectTimes& times);
  void drop(NamedConnect& c);
  void drop(DetectingConnect& c);
  [[nodiscard]] std::size_t next_turn() noexcept { return turn_++; }
  /// The group in which connects for `wish` are made one at a time; null: each makes its own.
  [[nodiscard]] ConnectionGroup* flight_of(const ConnectionWish& wish);
  /// The connect that `group` waits for has ended; with an error, so do those that wait.
  void land(ConnectionGroup& group, const Error* why, std::string_view host);
  /// The wire to try next for `wish`; none: all were.
  [[nodiscard]] std::optional<Wire> next_wire(const WireSet& tried,
                                              const ConnectionWish& wish) const;
  [[nodiscard]] bool hung_up() noexcept { return detection_.hung_up(); }
  void learned(UpstreamProtocol protocol, Detection::Evidence evidence);
  /// The endpoint, or each address of its name, could not be reached, or the name has none.
  void lost(const Error& why) {
    if (why.code != Errc::unresolved) detection_.lost();
    unreachable(why);
  }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };

  [[nodiscard]] bool paced() const noexcept {
    const UpstreamProtocol p = detection_.last();
    return share_.limits.upstream_pacing &&
           (p == UpstreamProtocol::plain_h1 || p == UpstreamProtocol::tls_h1);
  }
  void next_turns();
  void on_pace_timer(TimePoint) { next_turns(); }
  [[nodiscard]] UpstreamConnection* take_idle(ConnectionGroup& group);
  [[nodiscard]] UpstreamConnection* take_other(const ConnectionWish& wish);
  /// Whether only HTTP/1.1 will do, for the request or for the endpoint.
  [[nodiscard]] bool http1_only(const ConnectionWish& wish) const noexcept {
    return wish.http1 || detection_.http1_wanted(share_.reactor.now());
  }
  [[nodiscard]] ConnectionGroup& tls_group(const ConnectionWish& wish);
  [[nodiscard]] std::string group_key(const ConnectionWish& wish) const;
  [[nodiscard]] static UpstreamConnection* least_loaded(ConnectionGroup& group);
  void forget_if_unused(ConnectionGroup& group);
  void wake();
  [[nodiscard]] std::unique_ptr<UpstreamConnection> make(const Greeting& greeting);
  void unpark(UpstreamConnection& c);
  void back();
  void on_addresses(std::span<const SocketAddress> addresses) override;
  void on_unresolved(Error) override {}

  /// Groups without connections that are kept for their TLS session.
  static constexpr std::size_t kKeptGroups = 32;

  PoolShare& share_;
  DeferredGroup output_;
  Detection detection_;
  ConnectionGroup plain_;  ///< everything in clear
  EndpointSpec spec_;
  EndpointState& state_;  ///< of spec_
  EndpointCell& cell_;
  PassiveHealth passive_;
  Pace pace_;
  std::size_t waiting_ = 0;               ///< turns
  std::optional<SocketAddress> address_;  ///< when the host is numeric
  std::optional<NameWatch> name_;         ///< otherwise
  std::size_t turn_ = 0;
  std::unordered_map<std::string, std::unique_ptr<ConnectionGroup>, TextHash, std::equal_to<>>
      groups_;  ///< by server name
  std::unordered_map<NamedConnect*, std::unique_ptr<NamedConnect>> connects_;
  std::unordered_map<DetectingConnect*, std::unique_ptr<DetectingConnect>> detecting_;
  IntrusiveList<WaitingConnect> woken_;
  MemberDeferred<EndpointPool, &EndpointPool::wake> wake_{*this};
  std::unordered_map<UpstreamConnection*, std::unique_ptr<UpstreamConnection>> all_;
  DeferredLine turns_;
  MemberDeferred<EndpointPool, &EndpointPool::next_turns> next_turns_{*this};
  MemberTimer<EndpointPool, &EndpointPool::on_pace_timer> pace_timer_{*this};
};

}  // namespace aralez
