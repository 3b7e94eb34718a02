#include "cluster/endpoint_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "cluster/upstream_h2c.h"
#include "cluster/upstream_tls.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::cluster";

/// Another wire or another server name would not help.
bool of_the_network(const Error& e) {
  return e.code != Errc::mismatch && e.code != Errc::silent && e.code != Errc::tls &&
         e.code != Errc::unverified;
}

/// Whether it says something about the endpoint, not about us.
bool of_the_endpoint(const Error& e) {
  return e.origin != Origin::internal && e.code != Errc::limit && e.code != Errc::system &&
         e.code != Errc::config;
}

EndpointSpec with_state(EndpointSpec spec, std::size_t worker) {
  if (!spec.state) spec.state = std::make_shared<EndpointState>(spec.host, spec.port, worker + 1);
  return spec;
}

}  // namespace

EndpointPool::EndpointPool(PoolShare& share, EndpointSpec spec)
    : share_(share),
      detection_(spec),
      plain_({}, {}),
      spec_(with_state(std::move(spec), share.worker)),
      state_(*spec_.state),
      cell_(state_.cell(share.worker)),
      passive_(share.limits, cell_, reinterpret_cast<std::uintptr_t>(this)),
      address_(SocketAddress::from_ip(spec_.host, spec_.port)) {
  if (!address_) name_.emplace(share_.resolver, spec_.host, static_cast<NameEvents&>(*this));
  cell_.protocol.store(detection_.last(), std::memory_order_relaxed);
}

EndpointPool::~EndpointPool() {
  if (passive_.succeeded()) static_cast<void>(state_.taken_back());
  detecting_.clear();
  connects_.clear();
  while (!all_.empty()) all_.begin()->second->close();
}

// Turns.

void EndpointPool::wait_for_turn(Deferred& turn) {
  share_.counters.add(Counter::upstream_paced);
  turns_.add(turn);
  ++waiting_;
  if (!pace_timer_.armed())
    pace_timer_.arm(share_.reactor.timers(), share_.reactor.now() + Pace::kYoung);
  if (!pace_.full(waiting_, share_.reactor.now())) share_.reactor.defer(next_turns_);
}

void EndpointPool::give_up_turn(Deferred& turn) noexcept {
  if (!turn.pending()) return;
  turn.cancel();
  --waiting_;
}

void EndpointPool::next_turns() {
  const auto here = weak_from_this().lock();  // a turn may be the end of the last cluster with it
  const TimePoint now = share_.reactor.now();
  while (waiting_ > 0 && !(paced() && pace_.full(waiting_, now))) {
    --waiting_;
    turns_.run_next();
  }
  if (waiting_ > 0) pace_timer_.arm(share_.reactor.timers(), now + Pace::kYoung);
}

// Taking.

UpstreamConnection* EndpointPool::take_idle(ConnectionGroup& group) {
  auto& c = static_cast<UpstreamConnection&>(group.idle.front());
  unpark(c);
  c.cancel_timer();
  if (!group.idle.empty()) static_cast<UpstreamConnection&>(group.idle.front()).fetch();
  return &c;
}

UpstreamConnection* EndpointPool::take_other(const ConnectionWish& wish) {
  const UpstreamProtocol p = detection_.last();
  if (p == UpstreamProtocol::unknown) return nullptr;
  ConnectionGroup* group = &plain_;
  if (over_tls(p)) {
    const auto found = groups_.find(group_key(wish));
    if (found == groups_.end()) return nullptr;
    group = found->second.get();
  }
  if (!multiplexes(p) || http1_only(wish)) return group->idle.empty() ? nullptr : take_idle(*group);
  UpstreamConnection* const c = least_loaded(*group);
  if (c && static_cast<IdleByAge&>(*c).linked()) {
    unpark(*c);
    c->cancel_timer();
  }
  return c;
}

UpstreamConnection* EndpointPool::least_loaded(ConnectionGroup& group) {
  UpstreamConnection* best = nullptr;
  group.open.each([&best](GroupMember& member) {
    auto& c = static_cast<UpstreamConnection&>(member);
    if (c.takes_requests() && (!best || c.requests() < best->requests())) best = &c;
  });
  return best;
}

// Connecting.

Result<PendingConnect*> EndpointPool::connect(ConnectionWaiter& waiter, const ConnectionWish& wish,
                                              Millis timeout) {
  if (known() == UpstreamProtocol::plain_h1)
    return begin(Wire::plain_h1, wish, waiter, {.all = timeout, .answer = {}});
  ConnectionWish w = wish;
  w.http1 = http1_only(wish);
  auto c = std::make_unique<DetectingConnect>(share_.reactor, *this, waiter, w);
  DetectingConnect* raw = c.get();
  if (auto started = raw->start(timeout); !started) return std::unexpected(started.error());
  detecting_.emplace(raw, std::move(c));
  return raw;
}

Result<PendingConnect*> EndpointPool::begin(Wire wire, const ConnectionWish& wish,
                                            ConnectionWaiter& waiter, const ConnectTimes& times) {
  Greeting greeting{.wire = wire, .group = wire == Wire::tls ? tls_group(wish) : plain_};
  if (over_tls(known())) {
    if (wish.http1) greeting.alpn = ClientHello::Alpn::http1;
  } else {
    greeting.alpn = ClientHello::Alpn::probe;
  }
  if (address_) return dial(*address_, greeting, waiter, times);
  auto c = std::make_unique<NamedConnect>(share_.reactor, *this, greeting, waiter);
  NamedConnect* raw = c.get();
  if (auto started = raw->start(share_.resolver, spec_.host, times); !started)
    return std::unexpected(started.error());
  connects_.emplace(raw, std::move(c));
  return raw;
}

Result<UpstreamConnection*> EndpointPool::dial(const SocketAddress& to, const Greeting& greeting,
                                               ConnectionWaiter& waiter,
                                               const ConnectTimes& times) {
  auto c = make(greeting);
  if (!c) return fail(Errc::limit, Origin::internal, "no memory for an upstream connection");
  UpstreamConnection* raw = c.get();
  if (auto started = raw->connect(to, &waiter, times); !started)
    return std::unexpected(started.error());
  all_.emplace(raw, std::move(c));
  ++greeting.group.users;
  return raw;
}

std::unique_ptr<UpstreamConnection> EndpointPool::make(const Greeting& greeting) {
  Reactor& reactor = share_.reactor;
  switch (greeting.wire) {
    case Wire::plain_h1:
      return std::make_unique<UpstreamH1>(reactor, *this, greeting.group, share_.scratch);
    case Wire::tls: {
      ConnectionGroup& group = greeting.group;
      SslPtr ssl = spec_.tls->open({.server_name = group.server_name,
                                    .names = group.names,
                                    .alpn = greeting.alpn,
                                    .session = &group.session});
      if (!ssl) return nullptr;
      return std::make_unique<UpstreamTls>(reactor, *this, group, std::move(ssl),
                                           Codecs{.h1 = share_.scratch, .h2 = share_.h2});
    }
    case Wire::h2c: return std::make_unique<UpstreamH2c>(reactor, *this, greeting.group, share_.h2);
  }
  return nullptr;
}

/// Where the certificate counts, a name that only the client gave is not the same as one that the
/// configuration knows.
std::string EndpointPool::group_key(const ConnectionWish& wish) const {
  std::string key(wish.host);
  if (spec_.tls->policy().verify && !wish.configured) key += '?';
  return key;
}

ConnectionGroup& EndpointPool::tls_group(const ConnectionWish& wish) {
  std::string key = group_key(wish);
  const auto found = groups_.find(key);
  if (found != groups_.end()) return *found->second;
  // An address is not a name, and no name is better than a wrong one (RFC 6066 section 3).
  std::string name(wish.host);
  if (name.empty() || name.starts_with('[')) name = address_ ? std::string() : spec_.host;
  auto group = std::make_unique<ConnectionGroup>(key, std::move(name));
  if (!address_) group->names.push_back(spec_.host);
  if (wish.configured) group->names.emplace_back(wish.host);
  if (group->names.empty()) group->names.push_back(spec_.host);
  ConnectionGroup& made = *group;
  groups_.emplace(std::move(key), std::move(group));
  return made;
}

void EndpointPool::forget_if_unused(ConnectionGroup& group) {
  if (&group == &plain_ || group.users > 0 || group.leader || !group.waiting.empty()) return;
  if (groups_.size() > kKeptGroups) groups_.erase(std::string(group.key));
}

// Reaching it.

void EndpointPool::unreachable(const Error& why) {
  if (!of_the_endpoint(why) || !passive_.failed(share_.reactor.now())) return;
  if (!state_.left_out() || !share_.logger.enabled(LogLevel::warn)) return;
  share_.logger.write(
      LogLevel::warn, kTarget,
      fmt::format("{} takes no connections: {} in a row failed, the last one: {}; other servers of "
                  "its routes are preferred until it does",
                  state_.name(), share_.limits.upstream_max_fails, why.what));
}

void EndpointPool::back() {
  if (!state_.taken_back() || !share_.logger.enabled(LogLevel::info)) return;
  share_.logger.write(LogLevel::info, kTarget,
                      fmt::format("{} takes connections again", state_.name()));
}

// Finding out.

std::optional<Wire> EndpointPool::next_wire(const WireSet& tried,
                                            const ConnectionWish& wish) const {
  if (wish.http1 && known() == UpstreamProtocol::h2c)
    return tried.has(Wire::plain_h1) ? std::nullopt : std::optional(Wire::plain_h1);
  return detection_.next(tried, share_.reactor.now());
}

ConnectionGroup* EndpointPool::flight_of(const ConnectionWish& wish) {
  switch (known()) {
    case UpstreamProtocol::unknown: return &plain_;
    case UpstreamProtocol::h2c: return wish.http1 ? nullptr : &plain_;
    case UpstreamProtocol::tls_h2: return wish.http1 ? nullptr : &tls_group(wish);
    case UpstreamProtocol::tls_h1:
    case UpstreamProtocol::plain_h1: break;
  }
  return nullptr;
}

void EndpointPool::land(ConnectionGroup& group, const Error* why, std::string_view host) {
  group.leader = nullptr;
  while (!group.waiting.empty()) {
    auto& waiting = static_cast<DetectingConnect&>(group.waiting.pop_front());
    if (why && (of_the_network(*why) || waiting.host() == host)) waiting.set_verdict(*why);
    woken_.push_back(waiting);
  }
  if (!woken_.empty()) share_.reactor.defer(wake_);
}

/// One at a time: what is told may be the end of this pool.
void EndpointPool::wake() {
  if (woken_.empty()) return;
  auto& next = static_cast<DetectingConnect&>(woken_.pop_front());
  if (!woken_.empty()) share_.reactor.defer(wake_);
  next.resume();
}

void EndpointPool::require_http1() {
  if (!detection_.wants_http1(share_.reactor.now())) return;
  if (share_.logger.enabled(LogLevel::info))
    share_.logger.write(LogLevel::info, kTarget,
                        fmt::format("{} wants HTTP/1.1 for its requests", state_.name()));
}

void EndpointPool::learned(UpstreamProtocol protocol, Detection::Evidence evidence) {
  const UpstreamProtocol before = detection_.last();
  if (!detection_.found(protocol, evidence, share_.reactor.now())) return;
  cell_.protocol.store(protocol, std::memory_order_relaxed);
  if (before != UpstreamProtocol::unknown) close_idle();
  if (share_.logger.enabled(LogLevel::info))
    share_.logger.write(LogLevel::info, kTarget,
                        fmt::format("{}:{} speaks {}", spec_.host, spec_.port, name_of(protocol)));
}

// Idle connections and the ends of all.

void EndpointPool::opened(UpstreamConnection& c) {
  share_.counters.add(Counter::upstream_connections);
  share_.counters.add(label_of(c.protocol()));
  EndpointCell::add(cell_.connects);
  EndpointCell::add(cell_.connect_nanos,
                    static_cast<std::uint64_t>((share_.reactor.now() - c.begun()).count()));
  answered();
  if (multiplexes(c.protocol())) c.group().open.push_back(c);
}

void EndpointPool::park(UpstreamConnection& c) {
  if (c.protocol() == UpstreamProtocol::plain_h1)
    plain_.idle.push_front(c);
  else if (!multiplexes(c.protocol()))
    c.group().idle.push_front(c);
  share_.idle.push_back(c);
  ++share_.idle_count;
  c.arm_idle(share_.limits.upstream_pool_timeout);
  if (share_.idle_count > share_.max_idle)
    static_cast<UpstreamConnection&>(share_.idle.front()).close();
}

void EndpointPool::unpark(UpstreamConnection& c) {
  if (!multiplexes(c.protocol())) static_cast<GroupMember&>(c).unlink();
  static_cast<IdleByAge&>(c).unlink();
  --share_.idle_count;
}

void EndpointPool::drop(UpstreamConnection& c) {
  if (static_cast<IdleByAge&>(c).linked()) unpark(c);
  static_cast<GroupMember&>(c).unlink();
  const auto it = all_.find(&c);
  if (it == all_.end()) return;
  --c.group().users;
  forget_if_unused(c.group());
  share_.reactor.retire(std::move(it->second));
  all_.erase(it);
}

void EndpointPool::drop(NamedConnect& c) {
  const auto it = connects_.find(&c);
  if (it == connects_.end()) return;
  c.stop();
  share_.reactor.retire(std::move(it->second));
  connects_.erase(it);
}

void EndpointPool::drop(DetectingConnect& c) {
  const auto it = detecting_.find(&c);
  if (it == detecting_.end()) return;
  c.stop();
  share_.reactor.retire(std::move(it->second));
  detecting_.erase(it);
}

void EndpointPool::on_addresses(std::span<const SocketAddress> addresses) {
  std::vector<UpstreamConnection*> idle;
  for (const auto& [c, owned] : all_) {
    SocketAddress peer = c->peer();
    peer.set_port(0);
    const bool left = std::ranges::find(addresses, peer) == addresses.end();
    c->set_leaving(left);
    if (left && static_cast<IdleByAge&>(*c).linked()) idle.push_back(c);
  }
  for (auto* c : idle) c->close();
}

void EndpointPool::close_idle() {
  std::vector<UpstreamConnection*> idle;
  for (const auto& [c, owned] : all_)
    if (static_cast<IdleByAge&>(*c).linked()) idle.push_back(c);
  for (auto* c : idle) c->close();
}

}  // namespace aralez
