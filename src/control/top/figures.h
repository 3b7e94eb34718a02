#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aralez::top {

/// What `aralez top` reads of `GET /status?format=json` (docs/user/api.md). Times are seconds.
struct Endpoint {
  std::string address;
  std::string health;
  std::string protocol;
  std::string last_error;
  double requests = 0;
  double failures = 0;
  double connects = 0;
  double connect_seconds = 0;
};

struct Route {
  std::string name;  ///< host and path
  double requests = 0;
  double errors = 0;
  double latency_seconds = 0;
  std::vector<Endpoint> endpoints;
};

struct Figures {
  std::string version;
  std::int64_t pid = 0;
  double time = 0;
  double uptime = 0;
  double workers = 0;
  std::int64_t generation = 0;
  std::string origin;
  double age = 0;
  std::string last_result;
  double requests = 0;
  double active = 0;
  double errors = 0;
  double retries = 0;
  std::vector<double> latency_bounds;
  std::vector<double> latency_counts;
  double latency_seconds = 0;
  double clients = 0;
  double upstreams = 0;
  double tunnels = 0;
  double handshakes = 0;
  std::vector<Route> routes;
  std::map<std::string, double> reasons;
};

/// Nothing when `json` is no such answer.
[[nodiscard]] std::optional<Figures> read_figures(std::string_view json);

}  // namespace aralez::top
