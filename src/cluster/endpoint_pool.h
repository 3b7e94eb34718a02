#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "cluster/cluster_spec.h"
#include "cluster/named_connect.h"
#include "cluster/upstream_connection.h"
#include "observe/counters.h"

namespace aralez {

/// What pools of one worker share: the bound on idle connections, oldest leave first.
struct PoolShare {
  Reactor& reactor;
  Resolver& resolver;
  h1::HeadScratch& scratch;
  Limits limits;
  CounterBlock& counters;
  std::size_t max_idle = 0;  ///< this worker's part of upstream_keepalive_pool_size
  IntrusiveList<IdleByAge> idle;
  std::size_t idle_count = 0;
};

/// Connections of one worker to one endpoint, whichever routes use it. Idle ones are reused newest
/// first. New ones to an endpoint given by name go to its addresses by turns; those to an address
/// that has left the name end when they are idle.
class EndpointPool final : private NameEvents {
 public:
  EndpointPool(PoolShare& share, EndpointSpec spec);
  ~EndpointPool();
  EndpointPool(const EndpointPool&) = delete;
  EndpointPool& operator=(const EndpointPool&) = delete;

  /// An idle connection, or null.
  [[nodiscard]] UpstreamConnection* take_idle();
  /// A new connection; the waiter hears of it from the loop. Null and an error when that is known
  /// at once.
  [[nodiscard]] Result<PendingConnect*> connect(ConnectionWaiter& waiter, Millis timeout);

  [[nodiscard]] const EndpointSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::size_t connections() const noexcept { return all_.size(); }
  void close_idle();

  /// For the connections.
  [[nodiscard]] DeferredGroup& output_group() noexcept { return output_; }
  [[nodiscard]] CounterBlock& counters() noexcept { return share_.counters; }
  void park(UpstreamConnection& c);
  void drop(UpstreamConnection& c);

  /// For connects by name.
  [[nodiscard]] Result<UpstreamConnection*> dial(const SocketAddress& to, ConnectionWaiter& waiter,
                                                 Millis timeout);
  void drop(NamedConnect& c);
  [[nodiscard]] std::size_t next_turn() noexcept { return turn_++; }

 private:
  void unpark(UpstreamConnection& c);
  void on_addresses(std::span<const SocketAddress> addresses) override;
  void on_unresolved(Error) override {}

  PoolShare& share_;
  DeferredGroup output_;
  EndpointSpec spec_;
  std::optional<SocketAddress> address_;  ///< when the host is numeric
  std::optional<NameWatch> name_;         ///< otherwise
  std::size_t turn_ = 0;
  std::unordered_map<NamedConnect*, std::unique_ptr<NamedConnect>> connects_;
  std::unordered_map<UpstreamConnection*, std::unique_ptr<UpstreamConnection>> all_;
  IntrusiveList<IdleOfEndpoint> idle_;
};

}  // namespace aralez
