#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/protocol.h"

namespace aralez {

/// Whether connects of one worker to an endpoint succeed; cluster/passive_health.h.
enum class Reach : std::uint8_t {
  in,     ///< it takes requests
  out,    ///< left out: too many connects in a row have failed
  trial,  ///< left out but for one request, which shows whether it is back
};

/// What one worker writes about one endpoint: a load, an addition and a store, no bus lock. Any
/// thread reads. Readers see each cell by itself, not all of them of one instant.
class alignas(64) EndpointCell {
 public:
  using Count = std::atomic<std::uint64_t>;

  Count requests{0};       ///< sent to it, further attempts included
  Count failures{0};       ///< of those and of connects for them: no answer, or not all of it
  Count retries{0};        ///< of those: attempts after the first of a request
  Count connects{0};       ///< connections opened, handshakes included
  Count connect_nanos{0};  ///< spent on those
  std::atomic<std::uint32_t> ejections{0};
  std::atomic<std::uint8_t> failures_in_row{0};
  std::atomic<Reach> reach{Reach::in};
  std::atomic<UpstreamProtocol> protocol{UpstreamProtocol::unknown};

  /// The owner's thread.
  static void add(Count& cell, std::uint64_t n = 1) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

/// What all workers together say of an endpoint.
struct EndpointTotals {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t retries = 0;
  std::uint64_t connects = 0;
  std::chrono::nanoseconds connect_time{};  ///< of all connects
  std::uint64_t ejections = 0;
  std::uint32_t workers_without = 0;  ///< that leave it out now
  UpstreamProtocol protocol = UpstreamProtocol::unknown;
};

/// What is known of one endpoint, whichever routes name it: each worker has a cell, health checks
/// leave a hint. Kept over reloads by EndpointRegistry, referred to by the snapshot.
class EndpointState {
 public:
  EndpointState(std::string host, std::uint16_t port, std::size_t workers);
  EndpointState(const EndpointState&) = delete;
  EndpointState& operator=(const EndpointState&) = delete;

  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `host:port`, IPv6 in brackets.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Pre: worker is below the number of workers.
  [[nodiscard]] EndpointCell& cell(std::size_t worker) noexcept { return cells_[worker]; }
  /// Any thread.
  [[nodiscard]] EndpointTotals totals() const noexcept;

  /// The checker's thread: a check that began then has reached it. Workers that leave it out need
  /// not wait longer for their next try.
  void reached(TimePoint then) noexcept { reached_.store(then, std::memory_order_relaxed); }
  [[nodiscard]] TimePoint reached_at() const noexcept {
    return reached_.load(std::memory_order_relaxed);
  }

  /// A worker begins or ceases to leave it out; true for the first and for the last of them, who
  /// says so in the log. Rare, so this may cost.
  [[nodiscard]] bool left_out() noexcept { return without_.fetch_add(1) == 0; }
  [[nodiscard]] bool taken_back() noexcept { return without_.fetch_sub(1) == 1; }

 private:
  std::string host_;
  std::uint16_t port_;
  std::string name_;
  std::vector<EndpointCell> cells_;
  std::atomic<TimePoint> reached_{TimePoint::min()};
  std::atomic<std::uint32_t> without_{0};
};
static_assert(std::atomic<TimePoint>::is_always_lock_free);

}  // namespace aralez
