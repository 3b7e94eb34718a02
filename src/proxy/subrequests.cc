#include "proxy/subrequests.h"

#include <algorithm>

#include "base/limits.h"
#include "proxy/reset_error.h"

namespace aralez {
namespace {

constexpr Error kTooSlow{Errc::timeout, Origin::upstream, "no answer in time"};
constexpr Error kNoStatus{Errc::protocol, Origin::upstream, "no such status"};
/// Kept connections that may turn out to be dead before a new one is made.
constexpr int kTries = 4;

}  // namespace

/// One request. `connecting → waiting → reading | draining`, and back to the pool of its owner.
class Subrequests::Call final : public PendingSubrequest,
                                private StreamEvents,
                                private ConnectionWaiter {
 public:
  explicit Call(Subrequests& owner) : owner_(owner) {}

  Result<void> start(const std::shared_ptr<EndpointPool>& pool, const ConnectionWish& wish,
                     const Head& request, const Times& times, SubrequestEvents& events) {
    pool_ = &pool;
    wish_ = wish;
    request_ = &request;
    events_ = &events;
    tries_ = 0;
    received_ = 0;
    connect_time_ = times.connect;
    timer_.arm(owner_.reactor_.timers(), owner_.reactor_.now() + times.all);
    return try_once();
  }
  /// Also for one that did not start.
  void end();
  /// At the end of the loop turn in which it ended.
  void release() { kept_pool_.reset(); }
  void cancel() override { end(); }

 private:
  enum class State : std::uint8_t { idle, connecting, waiting, reading, draining };

  [[nodiscard]] Result<void> try_once();
  void begin(UpstreamConnection& connection);
  void fail(Error why);
  void end_of_body(bool whole);

  void on_upstream_ready(UpstreamConnection& connection) override {
    pending_ = nullptr;
    begin(connection);
  }
  void on_upstream_failed(Error why) override {
    pending_ = nullptr;
    fail(why);
  }
  void on_head(Head&& head, End end) override;
  void on_body(Chain&& body, End end) override;
  void on_trailers(Fields&&) override { end_of_body(true); }
  void on_sent(std::size_t) override {}
  void on_reset(ResetCode code) override;
  void on_timer(TimePoint);

  Subrequests& owner_;
  const std::shared_ptr<EndpointPool>* pool_ = nullptr;  ///< until the server has answered
  std::shared_ptr<EndpointPool> kept_pool_;  ///< of an answer that is longer than its request
  ConnectionWish wish_;
  const Head* request_ = nullptr;
  SubrequestEvents* events_ = nullptr;  ///< null: nobody waits
  PendingConnect* pending_ = nullptr;
  UpstreamConnection* connection_ = nullptr;
  StreamRef up_;
  State state_ = State::idle;
  int tries_ = 0;
  std::size_t received_ = 0;
  std::string body_;
  Millis connect_time_{};
  MemberTimer<Call, &Call::on_timer> timer_{*this};
};

Result<void> Subrequests::Call::try_once() {
  ++tries_;
  EndpointPool& pool = **pool_;
  if (UpstreamConnection* kept = pool.take(wish_)) {
    begin(*kept);
    return {};
  }
  state_ = State::connecting;
  const auto made = pool.connect(*this, wish_, connect_time_);
  if (!made) return std::unexpected(made.error());
  pending_ = *made;
  return {};
}

void Subrequests::Call::begin(UpstreamConnection& connection) {
  connection_ = &connection;
  state_ = State::waiting;
  up_ = StreamRef(&connection.open_stream(*this));
  if (connection.reused()) owner_.counters_.add(Counter::upstream_reused);
  up_->send_head(*request_, End::yes);
}

void Subrequests::Call::on_head(Head&& head, End end) {
  if (head.interim() || state_ != State::waiting) return;
  if (head.status < 200 || head.status > 599) return fail(kNoStatus);
  state_ = State::draining;
  if (end == End::no) kept_pool_ = *pool_;
  SubrequestEvents& told = *std::exchange(events_, nullptr);
  // May end the request that this is for, and with it what `request_` points to.
  if (told.on_answer(head) == SubrequestEvents::Want::body) {
    events_ = &told;
    state_ = State::reading;
  }
  if (end == End::yes) return end_of_body(true);
  if (up_) up_->grant(Limits::kSubrequestBody + 1);
}

void Subrequests::Call::on_body(Chain&& body, End end) {
  received_ += body.bytes();
  if (received_ > Limits::kSubrequestBody) return end_of_body(false);
  if (state_ == State::reading)
    for (std::size_t i = 0; i < body.count(); ++i) body_ += as_text(body[i].slice().bytes());
  body.clear();
  if (end == End::yes) end_of_body(true);
}

void Subrequests::Call::end_of_body(bool whole) {
  SubrequestEvents* const told = std::exchange(events_, nullptr);
  const std::string body = told && whole ? std::move(body_) : std::string();
  end();
  if (told) told->on_answer_body(body, whole);
}

/// A kept connection that ends before it answers has not been asked, for all we know; asking twice
/// does no harm. Nor has a server that wants to be asked by HTTP/1.1.
void Subrequests::Call::on_reset(ResetCode code) {
  up_.forget();
  const bool kept = connection_ && connection_->reused() && !connection_->response_started();
  connection_ = nullptr;
  if (state_ != State::waiting) return end_of_body(false);
  const bool by_http1 = code == ResetCode::http1_required;
  if (by_http1) (*pool_)->require_http1();
  const bool gone = code == ResetCode::closed || code == ResetCode::refused;
  if (!(by_http1 || (gone && kept)) || tries_ >= kTries) return fail(error_of(code));
  if (auto again = try_once(); !again) fail(again.error());
}

void Subrequests::Call::on_timer(TimePoint) {
  if (state_ == State::connecting || state_ == State::waiting) return fail(kTooSlow);
  end_of_body(false);
}

void Subrequests::Call::fail(Error why) {
  SubrequestEvents* const told = std::exchange(events_, nullptr);
  end();
  if (told) told->on_no_answer(why);
}

void Subrequests::Call::end() {
  if (state_ == State::idle) return;
  state_ = State::idle;
  timer_.cancel();
  if (pending_) std::exchange(pending_, nullptr)->forget_waiter();
  up_.drop();
  connection_ = nullptr;
  request_ = nullptr;
  events_ = nullptr;
  body_ = {};
  owner_.give_back(*this);
}

Subrequests::Subrequests(Reactor& reactor, ClusterManager& clusters, CounterBlock& counters)
    : reactor_(reactor), clusters_(clusters), counters_(counters) {}

Subrequests::~Subrequests() {
  for (const auto& call : all_) call->end();
}

Result<PendingSubrequest*> Subrequests::send(const std::shared_ptr<const OutsideServer>& server,
                                             const Head& request, const Times& times,
                                             SubrequestEvents& events) {
  const std::shared_ptr<EndpointPool>& pool = pool_of(server);
  Call* const call = take();
  if (!call) return fail(Errc::limit, Origin::internal, "too many such requests under way");
  const ConnectionWish wish{.host = server->host, .configured = true};
  if (auto started = call->start(pool, wish, request, times, events); !started) {
    call->end();
    return std::unexpected(started.error());
  }
  return call;
}

const std::shared_ptr<EndpointPool>& Subrequests::pool_of(
    const std::shared_ptr<const OutsideServer>& server) {
  const auto known = known_.find(server.get());
  // Another may have been made where one was that is gone.
  if (known != known_.end() && !known->second.server.expired()) return known->second.pool;
  Known made{.server = server,
             .pool = clusters_.pool({.host = server->host,
                                     .port = server->port,
                                     .pin = server->tls ? ProtocolPin::https : ProtocolPin::http,
                                     .tls = server->tls})};
  std::erase_if(known_, [](const auto& entry) { return entry.second.server.expired(); });
  return known_.insert_or_assign(server.get(), std::move(made)).first->second.pool;
}

Subrequests::Call* Subrequests::take() {
  if (free_.empty()) {
    if (all_.size() >= Limits::kSubrequests) return nullptr;
    all_.push_back(std::make_unique<Call>(*this));
    free_.push_back(all_.back().get());
  }
  Call* const call = free_.back();
  free_.pop_back();
  return call;
}

void Subrequests::give_back(Call& call) {
  done_.push_back(&call);
  reactor_.defer_to_turn_end(recycle_);
}

void Subrequests::recycle() {
  for (Call* const call : done_) call->release();
  free_.insert(free_.end(), done_.begin(), done_.end());
  done_.clear();
}

}  // namespace aralez
