#include "observe/route_counters.h"

#include <algorithm>

namespace aralez {

std::uint32_t RouteSeries::number_of(std::string_view host, std::string_view path) {
  const std::lock_guard lock(mutex_);
  Name name{host, path};
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(names_.size());
  if (number >= max_) return kOther;
  names_.push_back(name);
  numbers_.emplace(std::move(name), number);
  return number;
}

std::vector<RouteTotals> RouteSeries::totals() const {
  std::vector<Name> names;
  {
    const std::lock_guard lock(mutex_);
    names = names_;
  }
  std::vector<RouteTotals> all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    RouteTotals t = totals_of(static_cast<std::uint32_t>(i));
    if (t.requests() == 0) continue;
    t.host = std::move(names[i].first);
    t.path = std::move(names[i].second);
    all.push_back(std::move(t));
  }
  std::sort(all.begin(), all.end(), [](const RouteTotals& a, const RouteTotals& b) {
    return std::pair(a.host, a.path) < std::pair(b.host, b.path);
  });
  return all;
}

}  // namespace aralez
