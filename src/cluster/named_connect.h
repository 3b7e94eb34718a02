#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/connection_group.h"
#include "io/dns/resolver.h"

namespace aralez {

/// A connect to an endpoint that is given by name: waits for addresses if none are known, then
/// tries each in turn. One time-out covers it all; what is left of it is divided among the
/// addresses that are left, so that one which never answers does not use up the time of the others.
/// A server that answers, but speaks another protocol, ends it: the others are the same server.
/// No share is below a quarter of the whole, so that many addresses do not make each too short.
/// Owned by its pool; ends when its waiter has been told.
class NamedConnect final : public Retired,
                           public PendingConnect,
                           private ConnectionWaiter,
                           private NameEvents {
 public:
  NamedConnect(Reactor& reactor, EndpointPool& pool, const Greeting& greeting,
               ConnectionWaiter& waiter);
  ~NamedConnect() override { stop(); }

  /// Either the waiter hears of it later, or this returns an error and nothing follows.
  [[nodiscard]] Result<void> start(Resolver& resolver, const std::string& name,
                                   const ConnectTimes& times);
  void forget_waiter() override;
  /// Ends it without telling the waiter.
  void stop();

 private:
  void on_addresses(std::span<const SocketAddress> addresses) override;
  void on_unresolved(Error why) override { fail_with(why); }
  void on_upstream_ready(UpstreamConnection& connection) override;
  void on_upstream_failed(Error why) override;
  void on_timer(TimePoint now);

  void take(std::span<const SocketAddress> addresses);
  [[nodiscard]] Result<void> try_next(Error last);
  void fail_with(Error why);

  Reactor& reactor_;
  EndpointPool& pool_;
  Greeting greeting_;
  ConnectionWaiter* waiter_;
  TimePoint deadline_{};
  Millis answer_{};
  bool stopped_ = false;
  Millis least_share_{};
  std::optional<NameWatch> name_;  ///< while addresses are waited for
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  UpstreamConnection* connection_ = nullptr;  ///< being tried; its waiter is this
  MemberTimer<NamedConnect, &NamedConnect::on_timer> timer_{*this};
};

}  // namespace aralez
