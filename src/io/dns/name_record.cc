#include "io/dns/name_record.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace aralez {

NameChange NameRecord::answered(NameAnswer&& answer, TimePoint now) {
  assert(!answer.addresses.empty());
  const bool other = replace(std::move(answer.addresses));
  due_ = now + std::clamp(answer.ttl, rules_.min_ttl, rules_.max_ttl);
  retry_ = Millis{0};
  switch (std::exchange(state_, State::good)) {
    case State::unasked:
    case State::failed: return NameChange::found;
    case State::stale: return NameChange::recovered;
    case State::good: break;
  }
  return other ? NameChange::changed : NameChange::none;
}

NameChange NameRecord::failed(Error why, TimePoint now) {
  error_ = why;
  retry_ = std::clamp(retry_ * 2, rules_.first_retry, rules_.max_retry);
  due_ = now + retry_;
  const State next = addresses_.empty() ? State::failed : State::stale;
  if (std::exchange(state_, next) == next) return NameChange::none;
  return next == State::stale ? NameChange::kept : NameChange::unknown;
}

/// Servers shuffle their answers, so that order does not count. True when the set is another one.
bool NameRecord::replace(std::vector<SocketAddress>&& addresses) {
  const bool same = std::ranges::is_permutation(addresses, addresses_);
  addresses_ = std::move(addresses);
  return !same;
}

}  // namespace aralez
