#pragma once

#include <optional>
#include <string>

#include "cluster/connection_group.h"

namespace aralez {

class EndpointPool;

/// A connect to an endpoint of which is not known that it speaks plain HTTP/1.1: tries one wire
/// after the other, or waits for another connect that does, and takes what that has found. No
/// request is sent before a connection is open, so none is sent twice. One time-out covers it all.
/// Owned by its pool; ends when its waiter has been told.
class DetectingConnect final : public Retired,
                               public PendingConnect,
                               public WaitingConnect,
                               private ConnectionWaiter {
 public:
  DetectingConnect(Reactor& reactor, EndpointPool& pool, ConnectionWaiter& waiter,
                   const ConnectionWish& wish);
  ~DetectingConnect() override { stop(); }

  /// Either the waiter hears of it later, or this returns an error and nothing follows.
  [[nodiscard]] Result<void> start(Millis timeout);
  /// What was waited for has ended.
  void resume();
  /// What was waited for will not come. Told by resume().
  void set_verdict(Error why) { verdict_ = why; }
  [[nodiscard]] std::string_view host() const noexcept { return host_; }
  void forget_waiter() override;
  /// Ends it without telling the waiter.
  void stop();

 private:
  void on_upstream_ready(UpstreamConnection& connection) override;
  void on_upstream_failed(Error why) override;
  void on_timer(TimePoint now);

  [[nodiscard]] Result<void> advance();
  [[nodiscard]] Result<void> try_next(Error last);
  [[nodiscard]] ConnectTimes times_for(Wire wire) const;
  void hand_over(UpstreamConnection& connection);
  void fail_with(Error why);
  void stop_leading(const Error* why);
  [[nodiscard]] ConnectionWish wish() const noexcept {
    return {.host = host_, .configured = configured_, .http1 = http1_};
  }

  Reactor& reactor_;
  EndpointPool& pool_;
  ConnectionWaiter* waiter_;
  std::string host_;  ///< of the wish, which outlives its request here
  bool configured_;
  bool http1_;
  bool only_for_http1_ = false;  ///< a second protocol, beside what the endpoint speaks
  TimePoint deadline_{};
  Millis timeout_{};
  PendingConnect* pending_ = nullptr;  ///< its waiter is this
  ConnectionGroup* leads_ = nullptr;   ///< whose others wait for this
  WireSet tried_;
  Wire trying_ = Wire::tls;
  Detection::Evidence evidence_ = Detection::Evidence::handshake;
  std::optional<Error> verdict_;
  MemberTimer<DetectingConnect, &DetectingConnect::on_timer> timer_{*this};
};

}  // namespace aralez
