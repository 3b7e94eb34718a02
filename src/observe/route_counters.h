#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aralez {

/// What was counted of a route, as read.
struct RouteTotals {
  std::string host;  ///< key of the configuration, or `localhost`: no route, or `other`: no room
  std::string path;  ///< empty for these two
  std::array<std::uint64_t, 6> by_class{};  ///< by the first digit of the status; 0: no response
  std::uint64_t cut = 0;                    ///< of them, those that broke off
  std::chrono::nanoseconds latency{};

  [[nodiscard]] std::uint64_t requests() const noexcept {
    std::uint64_t n = 0;
    for (const auto c : by_class) n += c;
    return n;
  }
  /// As aralez_errors_total: 5xx, or not complete.
  [[nodiscard]] std::uint64_t errors() const noexcept { return by_class[5] + cut; }
};

/// The routes of one worker. Only that worker's thread adds and makes room; any thread reads.
class RouteCounters {
 public:
  static constexpr std::uint32_t kChunk = 256;
  static constexpr std::uint32_t kMax = 128 * 1024;

  RouteCounters() = default;
  RouteCounters(const RouteCounters&) = delete;
  RouteCounters& operator=(const RouteCounters&) = delete;
  ~RouteCounters() {
    for (auto& c : chunks_) delete c.load(std::memory_order_relaxed);
  }

  /// For all numbers up to `highest`; before the first add() of one of them.
  void make_room(std::uint32_t highest) {
    for (std::uint32_t i = 0; i <= highest / kChunk; ++i)
      if (!chunks_[i].load(std::memory_order_relaxed))
        chunks_[i].store(new Chunk, std::memory_order_release);
  }
  /// `errors` as RouteTotals has them: a 5xx that is cut off counts once.
  void add(std::uint32_t number, std::uint16_t status, bool complete,
           std::chrono::nanoseconds latency) noexcept {
    Cell& cell = (*chunks_[number / kChunk].load(std::memory_order_relaxed))[number % kChunk];
    const std::size_t digit = status / 100U;
    bump(cell.by_class[digit < 6 ? digit : 0], 1);
    if (latency.count() > 0) bump(cell.latency, static_cast<std::uint64_t>(latency.count()));
    if (!complete && digit != 5) bump(cell.cut, 1);
  }
  /// Any thread.
  void add_to(RouteTotals& totals, std::uint32_t number) const noexcept {
    const Chunk* chunk = chunks_[number / kChunk].load(std::memory_order_acquire);
    if (!chunk) return;
    const Cell& cell = (*chunk)[number % kChunk];
    for (std::size_t i = 0; i < totals.by_class.size(); ++i)
      totals.by_class[i] += cell.by_class[i].load(std::memory_order_relaxed);
    totals.cut += cell.cut.load(std::memory_order_relaxed);
    totals.latency += std::chrono::nanoseconds(
        static_cast<std::int64_t>(cell.latency.load(std::memory_order_relaxed)));
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  struct alignas(64) Cell {
    std::array<Count, 6> by_class{};
    Count cut{0};
    Count latency{0};
  };
  using Chunk = std::array<Cell, kChunk>;
  static void bump(Count& c, std::uint64_t n) noexcept {
    c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::array<std::atomic<Chunk*>, kMax / kChunk> chunks_{};
};

/// Numbers for routes, and what all workers counted of them. A route keeps its number, and so its
/// counts, over reloads and absences. When all numbers are given away, new routes share one.
/// Any thread; made before the workers, outlives them.
class RouteSeries {
 public:
  static constexpr std::uint32_t kNoRoute = 0;  ///< shown as host `localhost`
  static constexpr std::uint32_t kOther = 1;

  explicit RouteSeries(std::size_t workers, std::uint32_t max = RouteCounters::kMax)
      : max_(max), names_{{"localhost", ""}, {"other", ""}}, workers_(workers) {
    for (auto& w : workers_) {
      w = std::make_unique<RouteCounters>();
      w->make_room(kOther);
    }
  }

  [[nodiscard]] std::uint32_t number_of(std::string_view host, std::string_view path);
  [[nodiscard]] RouteCounters& worker(std::size_t i) { return *workers_[i]; }
  /// What was counted under one number; without its name.
  [[nodiscard]] RouteTotals totals_of(std::uint32_t number) const {
    RouteTotals t;
    for (const auto& w : workers_) w->add_to(t, number);
    return t;
  }
  /// Those with at least one request, by host and path; `localhost` and `other` in their places.
  [[nodiscard]] std::vector<RouteTotals> totals() const;

 private:
  using Name = std::pair<std::string, std::string>;

  const std::uint32_t max_;
  mutable std::mutex mutex_;
  std::map<Name, std::uint32_t> numbers_;
  std::vector<Name> names_;  ///< by number
  std::vector<std::unique_ptr<RouteCounters>> workers_;
};

}  // namespace aralez
