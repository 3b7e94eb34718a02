#pragma once

#include "cluster/cluster.h"
#include "http/stream.h"
#include "proxy/snapshot.h"

namespace aralez {

class Exchange;
struct ProxyContext;

/// Gets one request answered by an endpoint of its cluster: takes a connection, sends, waits, and
/// tries again where that is safe. `queued → connecting → sending → receiving → done | failed`;
/// `queued` is also the wait for its turn at a busy endpoint (cluster/pace.h). Member of the
/// exchange.
class Attempt final : public StreamEvents, private ConnectionWaiter {
 public:
  Attempt(ProxyContext& context, Exchange& exchange);

  /// For the next request: as if nothing had been tried.
  void reset() noexcept {
    tries_ = 0;
    endpoint_ = nullptr;
    began_.reset();
  }
  /// Starts with the endpoint that the exchange wants, or the one whose turn it is. The request
  /// head is taken from the exchange, each time anew.
  void start(Cluster& cluster, const RouteTimeouts& timeouts, End head_end);
  /// Forwards request body; keeps a copy by reference while the request may have to be sent again.
  void send_body(Chain&& body, End end);
  void send_trailers(const Fields& trailers);
  void grant(std::size_t n);
  void allow_pipes();
  /// Ends it without another event; an unfinished stream is reset.
  void drop();
  void enter_tunnel();

  [[nodiscard]] bool ready() const noexcept { return static_cast<bool>(up_); }
  [[nodiscard]] std::uint32_t tries() const noexcept { return tries_; }
  /// The endpoint of the last try, if there was one. Lives as long as the cluster.
  [[nodiscard]] const EndpointPool* endpoint() const noexcept { return endpoint_; }
  /// When the connection of the last try took the request, and what it spoke.
  [[nodiscard]] std::optional<TimePoint> began() const noexcept { return began_; }
  [[nodiscard]] UpstreamProtocol protocol() const noexcept { return protocol_; }
  /// Request body that the upstream's connection still holds.
  [[nodiscard]] std::size_t unsent() const noexcept { return unsent_; }

  // From the upstream.
  void expect_head() const override;
  void on_head(Head&& head, End end) override;
  void on_body(Chain&& body, End end) override;
  void on_trailers(Fields&& trailers) override;
  void on_sent(std::size_t n) override;
  void on_reset(ResetCode code) override;

 private:
  enum class State : std::uint8_t { queued, connecting, sending, receiving, tunnel, done };

  void on_upstream_ready(UpstreamConnection& connection) override;
  void on_upstream_failed(Error error) override;

  void try_endpoint();
  void on_turn();
  void begin(UpstreamConnection& connection);
  void next_endpoint_or_fail(Error error);
  /// The endpoint has no more to do with it, as far as its pace is concerned.
  void leave_endpoint(Pace::Left how) noexcept {
    if (ticket_.age != 0) endpoint_->leave(std::exchange(ticket_, {}), how);
  }
  [[nodiscard]] bool pick_again();
  void take_place(std::uint32_t place);
  [[nodiscard]] bool may_replay(ResetCode code) const;
  void keep_for_replay(const Chain& body, End end);
  void on_timer(TimePoint now);
  void wait(Millis time);
  [[nodiscard]] bool client_is_the_slow_one() const;

  /// Whether all of the request is, or will be, still here to be sent again.
  enum class Replay : std::uint8_t { possible, complete, impossible };
  /// What sending it twice does.
  enum class Repeat : std::uint8_t { harmless, if_unseen };

  ProxyContext& context_;
  Exchange& exchange_;
  Cluster* cluster_ = nullptr;
  RouteTimeouts timeouts_{};
  PendingConnect* pending_ = nullptr;  ///< while connecting
  UpstreamConnection* connection_ = nullptr;
  EndpointPool* endpoint_ = nullptr;  ///< of this try
  std::optional<TimePoint> began_;
  UpstreamProtocol protocol_ = UpstreamProtocol::unknown;
  StreamRef up_;
  State state_ = State::queued;
  Replay replay_ = Replay::impossible;
  Repeat repeat_ = Repeat::if_unseen;
  End head_end_ = End::yes;
  End body_end_ = End::yes;  ///< the whole request was handed to the stream
  std::uint32_t tries_ = 0;
  std::uint32_t place_ = Cluster::kNone;  ///< its place in the cluster
  Pace::Ticket ticket_;                   ///< since it was sent, until it is answered
  TriedEndpoints unreached_;              ///< no connection to them could be had
  std::size_t unsent_ = 0;                ///< request body handed to the stream and still in it
  std::size_t unsettled_ = 0;  ///< response body handed to the exchange and not granted back
  MemberTimer<Attempt, &Attempt::on_timer> timer_{*this};
  std::size_t sent_bytes_ = 0;
  Chain sent_body_;  ///< shares of what was sent, while replay_ allows
  MemberDeferred<Attempt, &Attempt::on_turn> turn_{*this};  ///< in the line of endpoint_
};

}  // namespace aralez
