#include "proxy/exchange.h"

#include "proxy/client_address.h"
#include "proxy/context.h"
#include "proxy/grpc.h"
#include "proxy/local_reply.h"
#include "proxy/request_rules.h"

namespace aralez {
namespace {

/// What a client may send before an upstream is there to take it.
constexpr std::size_t kEarlyWindow = Limits::kReplayBytes;

/// Why an upstream that was reached gave no answer, or not all of it.
Reason reason_of(const Error& e) {
  switch (e.code) {
    case Errc::timeout: return Reason::upstream_timeout;
    case Errc::protocol: return Reason::upstream_protocol;
    case Errc::refused: return Reason::connect_failed;
    case Errc::unresolved: return Reason::dns_failed;
    case Errc::limit:
    case Errc::system: return Reason::out_of_resources;
    case Errc::eof:
    case Errc::reset: return Reason::upstream_reset;
    case Errc::mismatch:
    case Errc::silent: return Reason::upstream_protocol;
    case Errc::tls: return Reason::upstream_tls;
    case Errc::unverified: return Reason::upstream_unverified;
    case Errc::config: break;
  }
  return Reason::internal;
}

/// Why no upstream was reached.
Reason reason_of_connect(const Error& e) {
  switch (e.code) {
    case Errc::timeout: return Reason::connect_timeout;
    case Errc::eof:
    case Errc::reset: return Reason::connect_failed;
    default: return reason_of(e);
  }
}

}  // namespace

Exchange::Exchange(ProxyContext& context)
    : context_(context), attempt_(context, *this), arena_(context.reactor.blocks()) {}

void Exchange::start(Stream& downstream, const ClientInfo& client, ListenerRole role) {
  down_ = StreamRef(&downstream);
  client_ = &client;
  role_ = role;
  snapshot_ = &context_.snapshots.current();
  ++snapshot_->exchanges;
  route_ = nullptr;
  state_ = State::deciding;
  request_end_ = response_end_ = End::no;
  status_ = 0;
  next_filter_ = 0;
  reason_.reset();
  grpc_status_.reset();
  answer_fields_ = {};
  bytes_in_ = bytes_out_ = 0;
  first_byte_.reset();
  attempt_.reset();
  endpoint_ = {};
  window_ = Window::none;
}

RequestContext Exchange::request_context() {
  return {request_,
          path_,
          host_,
          *client_,
          arena_,
          context_.reactor.blocks(),
          context_.wall_time(),
          &context_.worker,
          this,
          &endpoint_,
          &answer_fields_};
}

void Exchange::on_head(Head&& head, End end) {
  request_ = std::move(head);
  request_.move_to(arena_, 12);
  path_ = TargetPath();
  host_ = {};
  request_end_ = end;
  if (end == End::no) window_ = Window::early;
  if (client_->trusted) [[unlikely]]
    look_behind_proxy();
  started_ = context_.reactor.now();
  if (context_.access_log) {
    asked_target_ = request_.target;
    const Field* agent = request_.fields.find(FieldId::user_agent);
    asked_agent_ = agent ? std::optional(agent->value) : std::nullopt;
  }
  if (role_ == ListenerRole::proxy) context_.counters.add(Counter::requests_started);
  decide();
}

void Exchange::look_behind_proxy() {
  const ClientInfo client = client_behind(*client_, request_.fields, arena_);
  client_ = arena_.array<ClientInfo>(1, std::span(&client, 1)).data();
}

/// What an authority asks for, which no rule of a route may keep from it.
bool Exchange::is_challenge(const Snapshot& s) const {
  const bool reads = request_.method == Method::get || request_.method == Method::head;
  return reads && s.challenges && s.challenges->is_met(request_.target);
}

const Route* Exchange::find_route(Reply& refusal) {
  const Snapshot& s = *snapshot_->shared;
  if (role_ != ListenerRole::proxy) {
    const auto& only = role_ == ListenerRole::files ? s.file_route : s.admin_route;
    return only ? &s.routes[only->value] : nullptr;
  }
  if (is_challenge(s)) [[unlikely]]
    return &s.routes[s.challenge_route->value];
  const auto m = s.table.match(host_, path_.match);
  if (!path_.alternate.empty() && s.table.match(host_, path_.alternate).route != m.route) {
    refusal.status = 400;
    refusal.reason = Reason::path_ambiguous;
    return nullptr;
  }
  if (m.route) return &s.routes[m.route->value];
  refusal.status = 502;
  refusal.reason = Reason::no_route;
  refusal.why = m.miss == RouteTable::Miss::host ? "no such host" : "no route for this path";
  return nullptr;
}

/// Normalise, match, filter, hand over (behaviour section 3.3).
void Exchange::decide() {
  if (const auto bad = check_request(request_, arena_, host_, path_); bad.status != 0)
    return refuse(bad.status, bad.reason, bad.why);
  if (client_->hosts && !client_->hosts->covers(host_))
    return refuse(421, Reason::misdirected, "the client may ask again on another connection");
  Reply answer;
  route_ = find_route(answer);
  if (!route_) return refuse(answer.status, answer.reason, answer.why);
  run_filters();
}

void Exchange::run_filters() {
  auto context = request_context();
  Reply answer;
  std::size_t next = next_filter_;
  const Verdict verdict = route_->chain.on_request_head(context, answer, next);
  next_filter_ = static_cast<std::uint16_t>(next);
  follow(verdict, std::move(answer));
}

void Exchange::follow(Verdict verdict, Reply&& answer) {
  switch (verdict) {
    case Verdict::wait: break;
    case Verdict::replied: return reply(std::move(answer));
    case Verdict::proceed: return route_->responder ? collect_body() : forward();
  }
}

void Exchange::wait_for(PendingStep& step) {
  pending_ = &step;
  state_ = State::waiting;
}

void Exchange::resume(Verdict verdict, Reply&& answer) {
  state_ = State::deciding;
  if (verdict == Verdict::proceed) return run_filters();
  follow(verdict, std::move(answer));
}

/// A responder that wants no body answers at once.
void Exchange::collect_body() {
  const std::size_t max = route_->responder->max_body(request_context());
  if (max == 0) return respond();
  if (request_.length.kind == BodyLength::Kind::known && request_.length.bytes > max)
    return refuse(413, Reason::body_too_large, {});
  body_left_ = max;
  state_ = State::buffering;
  if (request_end_ == End::yes) return respond();
  down_->grant(max + 1);
}

void Exchange::respond() {
  state_ = State::deciding;
  auto context = request_context();
  Reply answer;
  follow(route_->responder->respond(context, held_, answer), std::move(answer));
}

/// False when an OPTIONS or TRACE was for whoever it has reached by now, and is answered.
bool Exchange::goes_on() {
  switch (count_hop(request_, arena_)) {
    case Hop::onward: return true;
    case Hop::malformed:
      refuse(400, Reason::bad_header, "Max-Forwards is not one number");
      return false;
    case Hop::last: break;
  }
  if (request_.method == Method::options)
    reply(make_options_reply(arena_));
  else
    refuse(405, Reason::method_not_allowed, "TRACE ends here by its Max-Forwards");
  return false;
}

void Exchange::forward() {
  const bool counts_hops = request_.method == Method::options || request_.method == Method::trace;
  if (counts_hops && !goes_on()) return;
  Cluster& cluster = *snapshot_->clusters[route_->cluster->value];
  if (cluster.size() == 0) return refuse(502, Reason::no_endpoint, {});
  request_.target = path_.forward;
  state_ = State::forwarding;
  if (request_end_ == End::no) down_->grant(kEarlyWindow);
  // A body may have come to its end while a step was waited for; the head goes without it still.
  attempt_.start(cluster, route_->timeouts, window_ == Window::none ? End::yes : End::no);
}

void Exchange::upstream_ready(Stream& upstream) {
  if (upstream.takes_pipes()) down_->allow_pipes();
  if (request_end_ == End::no && window_ == Window::early) {
    window_ = Window::full;
    down_->grant(Limits::kBodyWindow - kEarlyWindow);
  }
  const End end = held_trailers_.empty() ? request_end_ : End::no;
  if (!held_.empty() || end == End::yes) attempt_.send_body(std::exchange(held_, Chain()), end);
  if (!held_trailers_.empty()) attempt_.send_trailers(std::exchange(held_trailers_, Fields()));
}

void Exchange::on_body(Chain&& body, End end) {
  request_end_ = end;
  bytes_in_ += body.bytes();
  // An upstream may answer while it still reads: only an exchange that is over takes no more.
  if (state_ == State::done) return;
  if (state_ == State::buffering) return keep_body(std::move(body));
  if (attempt_.ready())
    attempt_.send_body(std::move(body), end);
  else
    held_.append(std::move(body));
  if (end == End::yes) maybe_finish();
}

void Exchange::keep_body(Chain&& body) {
  if (body.bytes() > body_left_) return refuse(413, Reason::body_too_large, {});
  body_left_ -= body.bytes();
  held_.append(std::move(body));
  if (request_end_ == End::yes) respond();
}

void Exchange::on_trailers(Fields&& trailers) {
  request_end_ = End::yes;
  if (state_ == State::done) return;
  if (state_ == State::buffering) return respond();
  if (attempt_.ready())
    attempt_.send_trailers(trailers);
  else
    hold(std::move(trailers));
  maybe_finish();
}

void Exchange::hold(Fields&& trailers) {
  held_trailers_ = std::move(trailers);
  held_trailers_.move_to(arena_, 0);
  for (Field& f : held_trailers_) {
    f.name = arena_.copy(f.name);
    f.value = arena_.copy(f.value);
  }
}

void Exchange::on_sent(std::size_t n) {
  attempt_.grant(n);
}

void Exchange::on_request_sent(std::size_t n) {
  if (request_end_ == End::no)
    down_->grant(n);
  else if (state_ == State::tunnel)
    maybe_finish();  // the last words are out
}

void Exchange::on_reset(ResetCode) {
  down_.forget();
  finish();
}

void Exchange::on_response_head(Head&& head, End end) {
  if (head.interim()) {
    down_->send_head(head, End::no);
    return;
  }
  status_ = head.status;
  first_byte_ = context_.reactor.now();
  auto context = request_context();
  route_->chain.on_response_head(context, head);
  add_answer_fields(head.fields);
  if (speaks_grpc(request_)) [[unlikely]]
    grpc_status_ = grpc_status_in(head.fields);
  if (head.status == 101) return start_tunnel(std::move(head));
  if (!head.fields.find(FieldId::date))
    head.fields.add(arena_, {"Date", context_.dates.at(context.wall_time), FieldId::date});
  state_ = State::responding;
  response_end_ = end;
  down_->send_head(head, end);
  if (end == End::yes) return maybe_finish();
  if (down_->takes_pipes()) attempt_.allow_pipes();
  attempt_.grant(down_->body_room());
}

void Exchange::add_answer_fields(Fields& fields) {
  for (const Field& f : answer_fields_) fields.add(arena_, f);
}

void Exchange::start_tunnel(Head&& head) {
  state_ = State::tunnel;
  context_.counters.add(Counter::tunnels);
  request_end_ = response_end_ = End::no;
  down_->send_head(head, End::no);
  attempt_.enter_tunnel();
  down_->grant(Limits::kReplayBytes);
  attempt_.grant(Limits::kReplayBytes);
}

void Exchange::on_response_body(Chain&& body, End end) {
  response_end_ = end;
  bytes_out_ += body.bytes();
  down_->send_body(std::move(body), end);
  if (end == End::yes) maybe_finish();
}

void Exchange::on_response_trailers(Fields&& trailers) {
  response_end_ = End::yes;
  if (speaks_grpc(request_))
    if (const auto status = grpc_status_in(trailers)) grpc_status_ = status;
  down_->send_trailers(trailers);
  maybe_finish();
}

void Exchange::fail(Reason reason, std::string_view why) {
  const bool late = reason == Reason::connect_timeout || reason == Reason::upstream_timeout;
  refuse(late ? std::uint16_t{504} : std::uint16_t{502}, reason, why);
}

void Exchange::on_no_endpoint() {
  refuse(502, Reason::no_endpoint, "all of them are down");
}

void Exchange::on_not_connected(Error why) {
  fail(reason_of_connect(why), why.what);
}

void Exchange::on_no_answer(Error why) {
  fail(reason_of(why), why.what);
}

void Exchange::on_response_broken(Error why) {
  const bool tunnel = state_ == State::tunnel;
  note(status_, reason_of(why), tunnel ? "tunnel cut off" : "answer cut off");
  down_->reset(ResetCode::internal);
  down_.forget();
  finish();
}

void Exchange::refuse(std::uint16_t status, Reason reason, std::string_view why) {
  Reply r;
  r.status = status;
  r.reason = reason;
  r.why = why;
  // Whoever sends a malformed head or asks for a tunnel may see other borders than we do in what
  // follows (RFC 9112 section 2.2, RFC 9110 section 9.3.6).
  r.last = status < 500;
  fill_refusal(r, arena_, context_.reactor.blocks());
  reply(std::move(r));
}

void Exchange::reply(Reply&& r) {
  const bool gives = r.status < 300 || r.status == 304;  // what was asked for
  if (!gives) note(r.status, r.reason, r.why);
  if (r.status >= 400 && speaks_grpc(request_)) {
    make_grpc_error(r, arena_, request_.version);
    grpc_status_ = grpc_status_in(r.fields);
  }
  status_ = r.status;
  Head head{.status = r.status, .last = r.last, .length = r.length};
  head.fields = r.fields;
  add_answer_fields(head.fields);
  head.fields.add(arena_, {"Date", context_.dates.at(context_.wall_time()), FieldId::date});
  const End end = r.body.empty() || request_.method == Method::head ? End::yes : End::no;
  state_ = State::responding;
  if (end == End::no) bytes_out_ = r.body.bytes();
  down_->send_head(head, end);
  if (end == End::no) down_->send_body(std::move(r.body), End::yes);
  response_end_ = End::yes;
  finish();
}

/// An answer that is complete ends the exchange, whatever of the request is still to come: the
/// server codec swallows that or closes. A tunnel ends when both directions have, and nothing of
/// them is held here.
void Exchange::maybe_finish() {
  if (response_end_ == End::no) return;
  if (state_ == State::tunnel && (request_end_ == End::no || attempt_.unsent() > 0)) return;
  finish();
}

void Exchange::finish() {
  if (state_ == State::done) return;
  if (state_ == State::tunnel) context_.counters.add(Counter::tunnels_closed);
  if (state_ == State::waiting) pending_->cancel();
  state_ = State::done;
  attempt_.drop();
  down_.drop();
  count();
  if (context_.access_log) write_access_line();
  if (route_ && route_->chain.wants_end()) {
    auto context = request_context();
    route_->chain.on_request_end(context, summary());
  }
  if (window_ != Window::none) {
    held_.clear();
    held_trailers_ = {};
  }
  request_.pin.reset();
  arena_.clear();
  context_.snapshots.release(*snapshot_);
  context_.exchanges.give_back(*this);
}

}  // namespace aralez
