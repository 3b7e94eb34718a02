#include "cluster/named_connect.h"

#include <algorithm>

#include "cluster/endpoint_pool.h"

namespace aralez {
namespace {

constexpr Error kNoTimeLeft{Errc::timeout, Origin::upstream, "connect timed out"};
constexpr Error kNameTooSlow{Errc::timeout, Origin::upstream,
                             "looking up the server's name timed out"};

}  // namespace

NamedConnect::NamedConnect(Reactor& reactor, EndpointPool& pool, const Greeting& greeting,
                           ConnectionWaiter& waiter)
    : reactor_(reactor), pool_(pool), greeting_(greeting), waiter_(&waiter) {
  ++greeting_.group.users;
}

Result<void> NamedConnect::start(Resolver& resolver, const std::string& name,
                                 const ConnectTimes& times) {
  deadline_ = reactor_.now() + times.all;
  least_share_ = times.all / 4;
  answer_ = times.answer;
  name_.emplace(resolver, name, static_cast<NameEvents&>(*this));
  const auto known = name_->look();
  if (!known) return std::unexpected(known.error());
  if (known->empty()) {
    timer_.arm(reactor_.timers(), deadline_);
    return {};
  }
  take(*known);
  return try_next(kNoTimeLeft);
}

void NamedConnect::take(std::span<const SocketAddress> addresses) {
  addresses_.assign(addresses.begin(), addresses.end());
  const auto turn = static_cast<std::ptrdiff_t>(pool_.next_turn() % addresses_.size());
  std::ranges::rotate(addresses_, addresses_.begin() + turn);
  for (auto& a : addresses_) a.set_port(pool_.spec().port);
  timer_.cancel();
  name_.reset();
}

Result<void> NamedConnect::try_next(Error last) {
  while (next_ < addresses_.size() && reactor_.now() < deadline_) {
    const auto left = static_cast<std::int64_t>(addresses_.size() - next_);
    const auto rest = std::chrono::ceil<Millis>(deadline_ - reactor_.now());
    const Millis share = std::min(rest, std::max(rest / left, least_share_));
    auto started =
        pool_.dial(addresses_[next_++], greeting_, *this, {.all = share, .answer = answer_});
    if (started) {
      connection_ = *started;
      return {};
    }
    last = started.error();
    if (last.code == Errc::limit) break;  // ours, and no other address would help
  }
  return std::unexpected(last);
}

void NamedConnect::on_addresses(std::span<const SocketAddress> addresses) {
  take(addresses);
  if (auto started = try_next(kNoTimeLeft); !started) fail_with(started.error());
}

void NamedConnect::on_upstream_ready(UpstreamConnection& connection) {
  connection_ = nullptr;
  ConnectionWaiter* w = waiter_;
  pool_.drop(*this);
  w->on_upstream_ready(connection);
}

void NamedConnect::on_upstream_failed(Error why) {
  connection_ = nullptr;
  if (greeting_.wire != Wire::plain_h1 && why.code != Errc::refused && why.code != Errc::timeout)
    return fail_with(why);
  if (auto started = try_next(why); !started) fail_with(started.error());
}

void NamedConnect::on_timer(TimePoint) {
  fail_with(kNameTooSlow);
}

void NamedConnect::fail_with(Error why) {
  if (why.code == Errc::refused || why.code == Errc::timeout || why.code == Errc::unresolved)
    pool_.lost(why);
  ConnectionWaiter* w = waiter_;
  pool_.drop(*this);
  w->on_upstream_failed(why);
}

void NamedConnect::forget_waiter() {
  pool_.drop(*this);
}

/// A connection on its way becomes a spare one of the pool.
void NamedConnect::stop() {
  if (std::exchange(stopped_, true)) return;
  --greeting_.group.users;
  timer_.cancel();
  name_.reset();
  if (connection_) std::exchange(connection_, nullptr)->forget_waiter();
}

}  // namespace aralez
