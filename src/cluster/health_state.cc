#include "cluster/health_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace aralez {

std::string_view name_of(Health health) noexcept {
  switch (health) {
    case Health::unknown: return "unknown";
    case Health::up: return "up";
    case Health::down: return "down";
  }
  return {};
}

bool HealthCheckSpec::expects(std::uint32_t status) const noexcept {
  return std::ranges::any_of(
      expect, [status](const StatusRange& r) { return status >= r.first && status <= r.last; });
}

std::string HealthCheckSpec::identity() const {
  // No text of a configuration holds a line end.
  std::string out = fmt::format("{}\n{}\n{}\n{}\n{}\n{} {} {} {}", static_cast<int>(kind), method,
                                path, host, service, interval.count(), timeout.count(), rise, fall);
  for (const StatusRange& r : expect) out += fmt::format(" {}-{}", r.first, r.last);
  return out;
}

const std::shared_ptr<HealthState>& HealthState::unchecked() {
  static const auto state =
      std::make_shared<HealthState>(HealthTarget(), HealthCheckSpec(), nullptr);
  return state;
}

HealthState::Facts HealthState::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

std::optional<HealthState::Change> HealthState::note(TimePoint began, TimePoint now,
                                                     std::string error) {
  const Health seen = error.empty() ? Health::up : Health::down;
  const Health before = verdict();
  const std::lock_guard lock(mutex_);
  facts_.checked = began;
  facts_.error = std::move(error);
  if (seen == Health::down) {
    facts_.last_error = facts_.error;
    facts_.error_time = std::chrono::system_clock::now();
  }
  if (seen == before) {
    in_row_ = 0;
    return std::nullopt;
  }
  // What was never seen down need not rise.
  const std::uint32_t enough = seen == Health::down     ? spec_.fall
                               : before == Health::down ? spec_.rise
                                                        : 1;
  if (++in_row_ < enough) return std::nullopt;
  in_row_ = 0;
  const Change change{
      .from = before,
      .to = seen,
      .after = before == Health::unknown ? std::chrono::nanoseconds() : now - facts_.since};
  facts_.verdict = seen;
  facts_.since = now;
  verdict_.store(seen, std::memory_order_relaxed);
  return change;
}

}  // namespace aralez
