#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "observe/names.h"

namespace aralez {

namespace counter_layout {
/// Every counter is a cell of one flat row, so that summing workers is one loop.
inline constexpr std::size_t kMethodAt = kCounters;
inline constexpr std::size_t kVersionAt = kMethodAt + kMethodLabels;
inline constexpr std::size_t kUpstreamAt = kVersionAt + kVersionLabels;
inline constexpr std::size_t kTlsAt = kUpstreamAt + kUpstreamLabels;
inline constexpr std::size_t kLatencyAt =
    kTlsAt + kTlsLabels;  // one cell per bucket, not cumulated
inline constexpr std::size_t kLatencySumAt = kLatencyAt + kLatencyBoundNames.size();  // nanoseconds
inline constexpr std::size_t kReasonAt = kLatencySumAt + 1;
inline constexpr std::size_t kStatusAt = kReasonAt + kReasons;
inline constexpr std::uint16_t kFirstStatus = 100;
inline constexpr std::uint16_t kLastStatus = 999;
/// What the metric shows when no response was sent (behaviour section 13).
inline constexpr std::uint16_t kNoResponse = 410;
inline constexpr std::size_t kCells = kStatusAt + kLastStatus - kFirstStatus + 1;

constexpr std::size_t at(Counter c) noexcept {
  return std::to_underlying(c);
}
constexpr std::size_t at(MethodLabel m) noexcept {
  return kMethodAt + std::to_underlying(m);
}
constexpr std::size_t at(VersionLabel v) noexcept {
  return kVersionAt + std::to_underlying(v);
}
constexpr std::size_t at(UpstreamLabel p) noexcept {
  return kUpstreamAt + std::to_underlying(p);
}
constexpr std::size_t at(TlsLabel t) noexcept {
  return kTlsAt + std::to_underlying(t);
}
constexpr std::size_t at(Reason r) noexcept {
  return kReasonAt + std::to_underlying(r);
}
constexpr std::size_t at_status(std::uint16_t s) noexcept {
  return kStatusAt + (s >= kFirstStatus && s <= kLastStatus ? s : kNoResponse) - kFirstStatus;
}
constexpr std::size_t at_latency(std::chrono::nanoseconds t) noexcept {
  std::size_t i = 0;
  while (i < kLatencyBounds.size() && t > kLatencyBounds[i]) ++i;
  return kLatencyAt + i;
}
}  // namespace counter_layout

/// The counters of one thread. Only that thread adds: a load, an addition and a store, no bus lock.
/// Any thread may read.
class alignas(128) CounterBlock {
 public:
  void add(Counter c, std::uint64_t n = 1) noexcept { bump(counter_layout::at(c), n); }
  void add(MethodLabel m) noexcept { bump(counter_layout::at(m), 1); }
  void add(VersionLabel v) noexcept { bump(counter_layout::at(v), 1); }
  void add(UpstreamLabel p) noexcept { bump(counter_layout::at(p), 1); }
  void add(TlsLabel t) noexcept { bump(counter_layout::at(t), 1); }
  void add(Reason r) noexcept { bump(counter_layout::at(r), 1); }
  /// 0, or anything that is no status: no response was sent.
  void add_status(std::uint16_t status) noexcept { bump(counter_layout::at_status(status), 1); }
  /// Negative times count as none.
  void add_latency(std::chrono::nanoseconds t) noexcept {
    bump(counter_layout::at_latency(t), 1);
    if (t.count() > 0) bump(counter_layout::kLatencySumAt, static_cast<std::uint64_t>(t.count()));
  }

  /// Any thread.
  [[nodiscard]] std::uint64_t read(Counter c) const noexcept {
    return read_cell(counter_layout::at(c));
  }
  [[nodiscard]] std::uint64_t read(UpstreamLabel p) const noexcept {
    return read_cell(counter_layout::at(p));
  }
  [[nodiscard]] std::uint64_t read(Reason r) const noexcept {
    return read_cell(counter_layout::at(r));
  }

 private:
  friend class CounterSet;
  void bump(std::size_t i, std::uint64_t n) noexcept {
    cells_[i].store(cells_[i].load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t read_cell(std::size_t i) const noexcept {
    return cells_[i].load(std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, counter_layout::kCells> cells_{};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// A histogram as read: `buckets[i]` counts what is at most kLatencyBounds[i] and above the bound
/// before it; the last one is what exceeds all bounds.
struct Histogram {
  std::array<std::uint64_t, kLatencyBoundNames.size()> buckets{};
  std::chrono::nanoseconds sum{};
  std::uint64_t count = 0;
};

/// What all blocks held when they were read. A value; the cells of a running program are not of one
/// instant.
class CounterTotals {
 public:
  [[nodiscard]] std::uint64_t value(Counter c) const noexcept {
    return cells_[counter_layout::at(c)];
  }
  [[nodiscard]] std::uint64_t value(MethodLabel m) const noexcept {
    return cells_[counter_layout::at(m)];
  }
  [[nodiscard]] std::uint64_t value(VersionLabel v) const noexcept {
    return cells_[counter_layout::at(v)];
  }
  [[nodiscard]] std::uint64_t value(UpstreamLabel p) const noexcept {
    return cells_[counter_layout::at(p)];
  }
  [[nodiscard]] std::uint64_t value(TlsLabel t) const noexcept {
    return cells_[counter_layout::at(t)];
  }
  [[nodiscard]] std::uint64_t value(Reason r) const noexcept {
    return cells_[counter_layout::at(r)];
  }
  /// Pre: 100 <= status <= 999.
  [[nodiscard]] std::uint64_t status(std::uint16_t status) const noexcept {
    return cells_[counter_layout::at_status(status)];
  }
  [[nodiscard]] Histogram latency() const noexcept;
  /// Requests in flight.
  [[nodiscard]] std::uint64_t active_sessions() const noexcept;

 private:
  friend class CounterSet;
  std::array<std::uint64_t, counter_layout::kCells> cells_{};
};

/// The blocks of all workers. Made before the threads start, outlives them.
class CounterSet {
 public:
  explicit CounterSet(std::size_t writers) : blocks_(writers) {}
  /// Pre: i < writers(). The block belongs to one thread.
  [[nodiscard]] CounterBlock& block(std::size_t i) { return blocks_[i]; }
  [[nodiscard]] std::size_t writers() const noexcept { return blocks_.size(); }
  /// Any thread.
  [[nodiscard]] CounterTotals sum() const;

 private:
  std::vector<CounterBlock> blocks_;
};

}  // namespace aralez
