#include "observe/counters.h"

namespace aralez {

Histogram CounterTotals::latency() const noexcept {
  Histogram h;
  for (std::size_t i = 0; i < h.buckets.size(); ++i) {
    h.buckets[i] = cells_[counter_layout::kLatencyAt + i];
    h.count += h.buckets[i];
  }
  h.sum =
      std::chrono::nanoseconds(static_cast<std::int64_t>(cells_[counter_layout::kLatencySumAt]));
  return h;
}

std::uint64_t CounterTotals::active_sessions() const noexcept {
  const std::uint64_t started = value(Counter::requests_started);
  const std::uint64_t finished = value(Counter::requests);
  return started > finished ? started - finished : 0;  // the two were not read at one instant
}

CounterTotals CounterSet::sum() const {
  CounterTotals totals;
  for (const CounterBlock& b : blocks_)
    for (std::size_t i = 0; i < counter_layout::kCells; ++i) totals.cells_[i] += b.read_cell(i);
  return totals;
}

}  // namespace aralez
