#pragma once

#include "base/arena.h"
#include "http/request_summary.h"
#include "proxy/attempt.h"
#include "proxy/snapshot.h"

namespace aralez {

struct ProxyContext;

/// Which listener a request came by decides which routes it may take.
enum class ListenerRole : std::uint8_t { proxy, files, admin };

/// One request and its answer, whatever protocols they travel by: decides where the request goes,
/// carries both bodies, makes the answer when nobody else does. Taken from the worker's
/// ExchangePool for each request.
class alignas(64) Exchange final : public StreamEvents, private RequestDriver {
 public:
  explicit Exchange(ProxyContext& context);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void start(Stream& downstream, const ClientInfo& client, ListenerRole role);

  /// A request will come in a moment: fetches what it will fill (base/prefetch.h).
  void fetch() const {
    prefetch(this, 4 * kLine);
    prefetch(&request_, sizeof(Head) + sizeof(TargetPath) + sizeof(std::string_view));
    prefetch(&arena_, 7 * kLine);
  }

  // From the client.
  void on_head(Head&& head, End end) override;
  void on_body(Chain&& body, End end) override;
  void on_trailers(Fields&& trailers) override;
  void on_sent(std::size_t n) override;
  void on_reset(ResetCode code) override;

  // From the attempt.
  void expect_response() const {
    prefetch(&request_, kLine);
    prefetch(&arena_, kLine);
    down_.fetch();
  }
  void on_response_head(Head&& head, End end);
  void on_response_body(Chain&& body, End end);
  void on_response_trailers(Fields&& trailers);
  void on_request_sent(std::size_t n);
  /// The route is down: checks have found no server that takes requests.
  void on_no_endpoint();
  /// No server could be reached, and no other attempt may be made.
  void on_not_connected(Error why);
  /// The server that has the request gave no answer, and no other attempt may be made.
  void on_no_answer(Error why);
  /// The answer broke off.
  void on_response_broken(Error why);

  [[nodiscard]] Head& request() noexcept { return request_; }
  [[nodiscard]] const Route& route() const noexcept { return *route_; }
  /// What connecting to an upstream depends on.
  [[nodiscard]] ConnectionWish connection_wish() const noexcept {
    return {.host = host_, .configured = route_->host == host_, .http1 = !request_.upgrade.empty()};
  }
  [[nodiscard]] EndpointChoice& endpoint() noexcept { return endpoint_; }
  [[nodiscard]] Arena& arena() noexcept { return arena_; }
  /// The upstream takes the body now: what was held is sent, and the client may send more.
  void upstream_ready(Stream& upstream);

 private:
  /// `waiting`: a step decides later. `buffering`: a responder wants the body first.
  enum class State : std::uint8_t {
    deciding,
    waiting,
    buffering,
    forwarding,
    responding,
    tunnel,
    done
  };

  // From a step that waits.
  void wait_for(PendingStep& step) override;
  void resume(Verdict verdict, Reply&& reply) override;
  [[nodiscard]] RequestContext request_context() override;

  /// The peer is a trusted proxy: who is its client?
  void look_behind_proxy();
  void decide();
  void run_filters();
  /// What the last filter, or the responder, decided.
  void follow(Verdict verdict, Reply&& reply);
  void collect_body();
  void keep_body(Chain&& body);
  void respond();
  [[nodiscard]] bool is_challenge(const Snapshot& s) const;
  [[nodiscard]] const Route* find_route(Reply& refusal);
  void forward();
  [[nodiscard]] bool goes_on();
  void reply(Reply&& reply);
  void refuse(std::uint16_t status, Reason reason, std::string_view why);
  /// Counts and logs an answer of our own, or why one was cut off.
  void note(std::uint16_t status, Reason reason, std::string_view why);
  [[nodiscard]] RequestSummary summary() const;
  void write_access_line();
  /// What the filters want the client to have beside `fields`.
  void add_answer_fields(Fields& fields);
  void fail(Reason reason, std::string_view why);
  void count();
  void hold(Fields&& trailers);
  void start_tunnel(Head&& head);
  void maybe_finish();
  /// Over. Gives back what was held, so views into the request are not to be used any more.
  void finish();

  /// How much request body the client may have under way.
  enum class Window : std::uint8_t { none, early, full };
  static constexpr std::size_t kLine = 64;

  // In the order of use, most used first: a response touches the first lines, the beginning of
  // request_ and of arena_ (docs/adr/0011).
  ProxyContext& context_;
  StreamRef down_;
  const ClientInfo* client_ = nullptr;  ///< of the connection, or of the request in arena_
  LocalSnapshot* snapshot_ = nullptr;
  const Route* route_ = nullptr;
  ListenerRole role_ = ListenerRole::proxy;
  State state_ = State::done;
  Window window_ = Window::none;
  End request_end_ = End::no;
  End response_end_ = End::no;
  std::uint16_t status_ = 0;  ///< 0: nothing was sent
  std::uint16_t next_filter_ = 0;
  std::optional<Reason> reason_;  ///< why the answer is ours, or was cut off
  std::optional<std::uint8_t> grpc_status_;
  EndpointChoice endpoint_;
  Fields answer_fields_;  ///< that filters add, in arena_
  TimePoint started_{};
  Attempt attempt_;
  Head request_;
  TargetPath path_;
  std::string_view host_;
  Chain held_;            ///< request body that came before an upstream was there
  Fields held_trailers_;  ///< and what came behind it, in arena_
  Arena arena_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::optional<TimePoint> first_byte_;  ///< of an answer from an upstream
  // As the client sent them; only with an access log.
  std::string_view asked_target_;
  std::optional<std::string_view> asked_agent_;
  PendingStep* pending_ = nullptr;  ///< while waiting
  std::size_t body_left_ = 0;       ///< while buffering: what may still come, bytes
};

}  // namespace aralez
