#pragma once

#include "admin/status_report.h"
#include "control/acme/certificate_orders.h"
#include "server/data_plane.h"
#include "server/listener_certificates.h"
#include "server/logs.h"

namespace aralez {

/// Where the figures of the process are. All of it outlives whoever asks.
struct StatusSources {
  const ConfigState& config;
  const DataPlane& plane;
  const RouteSeries& routes;
  const ListenerCertificates& certificates;
  const CertificateOrders& orders;
  const Logs& logs;
  std::size_t workers = 1;
  std::chrono::system_clock::time_point started;
};

/// Read now. Any thread but a worker.
[[nodiscard]] StatusInput read_status(const StatusSources& from);

}  // namespace aralez
