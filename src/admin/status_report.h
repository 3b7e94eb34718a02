#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/acme/acme_report.h"
#include "control/discovery/discovery.h"
#include "control/reload/config_state.h"
#include "observe/counters.h"
#include "observe/route_counters.h"
#include "tls/certificate_store.h"

namespace aralez {

/// What `GET /status?format=json` shows, read at one time.
struct StatusInput {
  ConfigState::Seen config;
  CounterTotals totals;
  std::vector<RouteTotals> routes;  ///< by host and path
  std::vector<ServedCertificate> certificates;
  AcmeReport acme;
  DiscoveredServices services;  ///< of the configuration; none with provider file
  std::uint64_t server_log_lost = 0;
  std::optional<std::uint64_t> access_log_lost;  ///< none: there is no access log
  std::size_t workers = 1;
  std::chrono::system_clock::time_point started;
  std::chrono::system_clock::time_point now;
};

/// The body; docs/user/api.md is its contract. Pre: there is an active configuration.
[[nodiscard]] std::string status_report(const StatusInput& input);

}  // namespace aralez
