#include "admin/metrics_page.h"

#include <map>

#include "cluster/endpoint_report.h"

namespace aralez {
namespace {

ReloadFigures reloads_of(const ConfigState::Seen& seen) {
  const auto attempts = [&seen](ReloadResult r) { return seen.attempts[std::to_underlying(r)]; };
  ReloadFigures out{.applied = attempts(ReloadResult::applied),
                    .refused = attempts(ReloadResult::refused),
                    .unchanged = attempts(ReloadResult::unchanged)};
  if (seen.active) {
    out.generation = seen.active->snapshot->generation;
    out.applied_at = std::chrono::system_clock::to_time_t(seen.active->since);
  }
  return out;
}

/// By name: one that is spoken to in two ways is one.
std::vector<EndpointFigures> endpoints_of(const ConfigState::Seen& seen) {
  if (!seen.active) return {};
  std::map<std::string, EndpointFigures> by_name;
  for (const EndpointReport& e : report_endpoints(seen.active->snapshot->clusters)) {
    EndpointFigures& f = by_name[e.address];
    f.endpoint = e.address;
    f.healthy = f.healthy && e.health() != Health::down && e.totals.workers_without == 0;
    f.requests += e.totals.requests;
    f.failures += e.totals.failures;
    f.retries += e.totals.retries;
    f.connects += e.totals.connects;
    f.connecting += e.totals.connect_time;
  }
  std::vector<EndpointFigures> out;
  for (auto& [name, figures] : by_name) out.push_back(std::move(figures));
  return out;
}

std::vector<CertificateFigures> certificates_of(const std::vector<ServedCertificate>& served) {
  std::vector<CertificateFigures> out;
  for (const ServedCertificate& c : served)
    out.push_back({.name = c.name.empty() ? "self-signed" : c.name, .expires = c.expires});
  return out;
}

AcmeFigures acme_of(const AcmeReport& report) {
  AcmeFigures out{.names = report.names.size(), .issued = report.issued, .failed = report.failed};
  out.failing = report.trouble.empty() ? 0 : 1;
  for (const AcmeReport::Name& name : report.names) out.failing += name.trouble.empty() ? 0 : 1;
  return out;
}

std::vector<ServiceFigures> services_of(const DiscoveredServices& services) {
  std::vector<ServiceFigures> out;
  for (const auto& [key, service] : services) {
    ServiceFigures& f = out.emplace_back();
    f.name = key.port.empty() ? key.name : key.name + ":" + key.port;
    f.servers = service.servers ? service.servers->size() : 0;
    f.up = service.answered && service.trouble.empty();
    if (service.answered) f.answered = std::chrono::system_clock::to_time_t(*service.answered);
  }
  return out;
}

}  // namespace

MetricsInput metrics_of(const StatusInput& input) {
  MetricsInput out{.totals = input.totals,
                   .routes = input.routes,
                   .endpoints = endpoints_of(input.config),
                   .certificates = certificates_of(input.certificates),
                   .acme = acme_of(input.acme),
                   .services = services_of(input.services),
                   .reloads = reloads_of(input.config),
                   .process = {.started = std::chrono::system_clock::to_time_t(input.started)},
                   .access_log_lost = input.access_log_lost,
                   .server_log_lost = input.server_log_lost};
  sample_process(out.process);
  return out;
}

}  // namespace aralez
