#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "observe/counters.h"
#include "observe/metrics/exposition.h"
#include "observe/route_counters.h"

namespace aralez {

/// A server as all workers know it together.
struct EndpointFigures {
  std::string endpoint;  ///< host:port
  bool healthy = true;
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t retries = 0;
  std::uint64_t connects = 0;
  std::chrono::nanoseconds connecting{};  ///< over all connects
};

struct CertificateFigures {
  std::string name;  ///< of the files, without folder and ending
  std::time_t expires = 0;
};

/// A service of a registry.
struct ServiceFigures {
  std::string name;
  std::uint64_t servers = 0;
  bool up = false;
  std::time_t answered = 0;  ///< 0: never
};

/// Certificates that are ordered.
struct AcmeFigures {
  std::uint64_t names = 0;    ///< that are renewed
  std::uint64_t failing = 0;  ///< of these: whose last order failed
  std::uint64_t issued = 0;
  std::uint64_t failed = 0;  ///< orders
};

struct ReloadFigures {
  std::uint64_t applied = 0;
  std::uint64_t refused = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t generation = 0;
  std::time_t applied_at = 0;
};

struct ProcessFigures {
  std::uint64_t open_files = 0;
  std::uint64_t memory_bytes = 0;
  std::time_t started = 0;
};
/// Of this process, now; what cannot be read is 0. `started` stays as it is.
void sample_process(ProcessFigures& process);

/// All that /metrics shows, read at one time.
struct MetricsInput {
  CounterTotals totals;
  std::vector<RouteTotals> routes;  ///< by host and path
  std::vector<EndpointFigures> endpoints;
  std::vector<CertificateFigures> certificates;
  AcmeFigures acme;
  std::vector<ServiceFigures> services;
  ReloadFigures reloads;
  ProcessFigures process;
  std::optional<std::uint64_t> access_log_lost;  ///< none: there is no access log
  std::uint64_t server_log_lost = 0;
};

/// Series of one family that has one per route, endpoint, certificate or service; those with the
/// most requests stay, the rest is summed up as `other`, or left out where a sum says nothing.
inline constexpr std::size_t kMaxSeries = 1000;

/// The body of /metrics (behaviour section 13).
[[nodiscard]] std::string render_metrics(const MetricsInput& input, MetricsFormat format);

}  // namespace aralez
