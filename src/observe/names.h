#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "observe/reason.h"

namespace aralez {

/// Metric names, types, labels and buckets of behaviour section 13 are part of the drop-in surface.
enum class MetricType : std::uint8_t { none, counter, gauge, histogram, summary };

struct MetricFamily {
  std::string_view name;
  std::string_view help;
  MetricType type = MetricType::none;  ///< none: counted, not exported under its own name
  std::string_view label = {};         ///< empty: the family has one series
};

/// Events of one worker without a label.
enum class Counter : std::uint8_t {
  requests,  ///< finished requests; stands before `requests_started`, see
             ///< CounterTotals::active_sessions
  requests_started,
  errors,  ///< finished with 5xx, or without a complete response
  client_connections,
  client_connections_closed,
  upstream_connections,
  upstream_connections_closed,
  upstream_reused,  ///< requests sent on a connection that was kept, idle before
  upstream_paced,   ///< requests that waited for their turn at a server
  retries,          ///< attempts after the first of a request
  tunnels,
  tunnels_closed,
  name_lookups,
  name_lookups_failed,
  tls_handshakes,
  tls_handshakes_failed,
  tls_resumed
};
inline constexpr std::size_t kCounters = std::to_underlying(Counter::tls_resumed) + 1;

struct CounterInfo {
  Counter id;
  MetricFamily family;
};

inline constexpr std::array<CounterInfo, kCounters> kCounterTable{{
    {Counter::requests, {"aralez_requests_total", "Finished requests.", MetricType::counter}},
    {Counter::requests_started, {}},
    {Counter::errors,
     {"aralez_errors_total", "Requests answered with 5xx or cut short.", MetricType::counter}},
    {Counter::client_connections,
     {"aralez_client_connections_total", "Accepted client connections.", MetricType::counter}},
    {Counter::client_connections_closed, {}},
    {Counter::upstream_connections,
     {"aralez_upstream_connections_total", "Connections made to servers.", MetricType::counter}},
    {Counter::upstream_connections_closed, {}},
    {Counter::upstream_reused,
     {"aralez_upstream_reused_total", "Requests sent on a kept server connection.",
      MetricType::counter}},
    {Counter::upstream_paced,
     {"aralez_upstream_paced_total", "Requests that waited for their turn at a server.",
      MetricType::counter}},
    {Counter::retries,
     {"aralez_retries_total", "Attempts after the first of a request.", MetricType::counter}},
    {Counter::tunnels, {"aralez_tunnels_total", "Upgraded connections.", MetricType::counter}},
    {Counter::tunnels_closed, {}},
    {Counter::name_lookups,
     {"aralez_name_lookups_total", "Lookups of server names.", MetricType::counter}},
    {Counter::name_lookups_failed,
     {"aralez_name_lookups_failed_total", "Lookups that found no address.", MetricType::counter}},
    {Counter::tls_handshakes, {}},  // exported by version
    {Counter::tls_handshakes_failed,
     {"aralez_tls_handshakes_failed_total", "TLS handshakes of clients that were not.",
      MetricType::counter}},
    {Counter::tls_resumed,
     {"aralez_tls_resumed_total", "TLS handshakes of clients that resumed a session.",
      MetricType::counter}},
}};

namespace metric {
inline constexpr MetricFamily kRequestsByMethod{
    "aralez_requests_by_method_total", "Requests by method.", MetricType::counter, "method"};
inline constexpr MetricFamily kRequestsByVersion{"aralez_requests_by_version_total",
                                                 "Requests by client protocol.",
                                                 MetricType::counter, "version"};
/// Counted per host key with the routes, not in a CounterBlock. The name has no `_total` on
/// purpose.
inline constexpr MetricFamily kRequestsByUpstream{
    "aralez_requests_by_upstream", "Requests by host key.", MetricType::counter, "upstream"};
inline constexpr MetricFamily kUpstreamConnectionsByProtocol{
    "aralez_upstream_connections_by_protocol_total",
    "Connections made to servers by the protocol they speak.", MetricType::counter, "protocol"};
inline constexpr MetricFamily kResponses{"aralez_responses_total", "Responses by status.",
                                         MetricType::counter, "status"};
inline constexpr MetricFamily kLatency{"aralez_response_latency_seconds",
                                       "Request start to end of response.", MetricType::histogram};
inline constexpr MetricFamily kLocalReplies{"aralez_local_replies_total",
                                            "Answers and refusals made by the proxy.",
                                            MetricType::counter, "reason"};
inline constexpr MetricFamily kActiveSessions{"aralez_active_sessions", "Requests in flight.",
                                              MetricType::gauge};
inline constexpr MetricFamily kOpenFiles{
    "aralez_open_files", "Open file descriptors of the process.", MetricType::gauge};
inline constexpr MetricFamily kMemoryBytes{"aralez_memory_bytes", "Resident memory of the process.",
                                           MetricType::gauge};
inline constexpr MetricFamily kLoggingErrors{
    "aralez_logging_errors", "Records of the access log that were dropped.", MetricType::gauge};
inline constexpr MetricFamily kServerLogDropped{"aralez_server_log_dropped_total",
                                                "Records of the server log that were dropped.",
                                                MetricType::counter};

inline constexpr MetricFamily kRouteRequests{
    "aralez_route_requests_total", "Requests by route and class of status.", MetricType::counter};
inline constexpr MetricFamily kRouteErrors{"aralez_route_errors_total",
                                           "Requests of a route answered with 5xx or cut short.",
                                           MetricType::counter};
inline constexpr MetricFamily kRouteLatency{"aralez_route_latency_seconds",
                                            "Request start to end of response, by route.",
                                            MetricType::summary};

inline constexpr MetricFamily kEndpointHealthy{
    "aralez_endpoint_healthy", "1: the server takes part; 0: it is left out.", MetricType::gauge};
inline constexpr MetricFamily kEndpointRequests{"aralez_endpoint_requests_total",
                                                "Requests sent to a server.", MetricType::counter};
inline constexpr MetricFamily kEndpointFailures{"aralez_endpoint_failures_total",
                                                "Connects and requests that a server failed.",
                                                MetricType::counter};
inline constexpr MetricFamily kEndpointRetries{
    "aralez_endpoint_retries_total", "Requests sent to a server after another try had failed.",
    MetricType::counter};
inline constexpr MetricFamily kEndpointConnect{"aralez_endpoint_connect_seconds",
                                               "Time until a connection to a server was ready.",
                                               MetricType::summary};

inline constexpr MetricFamily kTlsHandshakes{"aralez_tls_handshakes_total",
                                             "TLS handshakes of clients that were finished.",
                                             MetricType::counter, "version"};
inline constexpr MetricFamily kCertificateExpiry{
    "aralez_certificate_expiry_timestamp_seconds",
    "When a certificate of the folder ends, seconds since 1970.", MetricType::gauge, "certificate"};
inline constexpr MetricFamily kAcmeNames{
    "aralez_acme_names", "Names whose certificates are renewed.", MetricType::gauge};
inline constexpr MetricFamily kAcmeFailing{
    "aralez_acme_failing",
    "Names among these whose last order failed; 1 more: their file is broken.", MetricType::gauge};
inline constexpr MetricFamily kAcmeOrders{
    "aralez_acme_orders_total", "Orders of certificates by result.", MetricType::counter, "result"};
inline constexpr MetricFamily kServiceServers{"aralez_service_servers",
                                              "Servers that the registry has named for a service.",
                                              MetricType::gauge, "service"};
inline constexpr MetricFamily kServiceUp{
    "aralez_service_registry_up",
    "1: the registry has answered when it was last asked; 0: it has not.", MetricType::gauge,
    "service"};
inline constexpr MetricFamily kServiceTime{"aralez_service_answer_timestamp_seconds",
                                           "When the registry last answered, seconds since 1970.",
                                           MetricType::gauge, "service"};
inline constexpr MetricFamily kReloads{
    "aralez_reloads_total", "Loads of the configuration by result.", MetricType::counter, "result"};
inline constexpr MetricFamily kGeneration{
    "aralez_config_generation", "Generation of the configuration that runs.", MetricType::gauge};
inline constexpr MetricFamily kConfigTime{"aralez_config_applied_timestamp_seconds",
                                          "When it was applied, seconds since 1970.",
                                          MetricType::gauge};
inline constexpr MetricFamily kBuildInfo{"aralez_build_info", "1; what was built is in the labels.",
                                         MetricType::gauge};
inline constexpr MetricFamily kStartTime{
    "aralez_start_time_seconds", "Start of the process, seconds since 1970.", MetricType::gauge};
inline constexpr MetricFamily kClientConnectionsOpen{"aralez_client_connections_open",
                                                     "Open client connections.", MetricType::gauge};
inline constexpr MetricFamily kUpstreamConnectionsOpen{
    "aralez_upstream_connections_open", "Open connections to servers.", MetricType::gauge};
inline constexpr MetricFamily kTunnelsOpen{
    "aralez_tunnels_open", "Upgraded connections that are open.", MetricType::gauge};
}  // namespace metric

/// In the order of http's `Method`: the proxy converts by value. Methods without a name of their
/// own fold into `other`, so that clients cannot make series.
enum class MethodLabel : std::uint8_t {
  get,
  head,
  post,
  put,
  del,
  connect,
  options,
  trace,
  patch,
  other
};
inline constexpr std::size_t kMethodLabels = std::to_underlying(MethodLabel::other) + 1;
inline constexpr std::array<std::string_view, kMethodLabels> kMethodNames{
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "OTHER"};

/// In the order of http's `HttpVersion`, then what that does not have.
enum class VersionLabel : std::uint8_t { http10, http11, http2, http3, unknown };
inline constexpr std::size_t kVersionLabels = std::to_underlying(VersionLabel::unknown) + 1;
inline constexpr std::array<std::string_view, kVersionLabels> kVersionNames{
    "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0", "Unknown"};

/// In the order of cluster's `UpstreamProtocol`, which begins with one for not knowing.
enum class UpstreamLabel : std::uint8_t { http1, http2, https1, https2 };
inline constexpr std::size_t kUpstreamLabels = std::to_underlying(UpstreamLabel::https2) + 1;
inline constexpr std::array<std::string_view, kUpstreamLabels> kUpstreamNames{"http/1.1", "h2c",
                                                                              "https/1.1", "h2"};

/// In the order of the protocol's versions.
enum class TlsLabel : std::uint8_t { tls10, tls11, tls12, tls13 };
inline constexpr std::size_t kTlsLabels = std::to_underlying(TlsLabel::tls13) + 1;
inline constexpr std::array<std::string_view, kTlsLabels> kTlsNames{"TLSv1", "TLSv1.1", "TLSv1.2",
                                                                    "TLSv1.3"};

/// Upper bounds of the latency buckets, `+Inf` left out, and their texts.
inline constexpr std::array<std::chrono::milliseconds, 12> kLatencyBounds = [] {
  using Ms = std::chrono::milliseconds;
  return std::array{Ms(1),   Ms(5),   Ms(10),  Ms(25),   Ms(50),   Ms(75),
                    Ms(100), Ms(250), Ms(500), Ms(1000), Ms(2000), Ms(5000)};
}();
inline constexpr std::array<std::string_view, kLatencyBounds.size() + 1> kLatencyBoundNames{
    "0.001", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1",
    "0.25",  "0.5",   "1",    "2",     "5",    "+Inf"};

constexpr const CounterInfo& info_of(Counter c) noexcept {
  return kCounterTable[std::to_underlying(c)];
}

static_assert(
    [] {
      for (std::size_t i = 0; i < kCounters; ++i)
        if (std::to_underlying(kCounterTable[i].id) != i) return false;
      return true;
    }(),
    "kCounterTable follows the order of Counter");

}  // namespace aralez
