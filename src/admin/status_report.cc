#include "admin/status_report.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string_view>
#include <utility>

#include "admin/json_writer.h"
#include "cluster/endpoint_report.h"

namespace aralez {
namespace {

using WallTime = std::chrono::system_clock::time_point;

double seconds_of(std::chrono::nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}
double unix_time(WallTime t) {
  return seconds_of(t.time_since_epoch());
}

void put_time(JsonWriter& json, std::string_view name, WallTime t, WallTime now) {
  json.member(name, unix_time(t)).member("age_seconds", std::max(0.0, seconds_of(now - t)));
}

void put_messages(JsonWriter& json, std::string_view lines) {
  json.key("messages").open_array();
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (!line.empty()) json.value(line);
  }
  json.close_array();
}

void put_configuration(JsonWriter& json, const StatusInput& in) {
  const ActiveConfig& active = *in.config.active;
  const ReloadReport& last = in.config.last;
  json.key("configuration")
      .open_object()
      .member("generation", active.snapshot->generation)
      .member("provider", to_string(active.config.provider))
      .member("origin", to_string(active.origin));
  put_time(json, "since", active.since, in.now);
  json.key("last_reload")
      .open_object()
      .member("result", to_string(last.result))
      .member("origin", to_string(last.origin));
  put_time(json, "at", last.at, in.now);
  put_messages(json, last.messages);
  json.close_object().key("reloads").open_object();
  for (const ReloadResult r :
       {ReloadResult::applied, ReloadResult::unchanged, ReloadResult::refused})
    json.member(to_string(r), in.config.attempts[std::to_underlying(r)]);
  json.close_object().close_object();
}

/// Reads what was closed first: never more than what was opened.
std::uint64_t open_now(const CounterTotals& t, Counter opened, Counter closed) {
  const std::uint64_t ended = t.value(closed);
  return t.value(opened) - std::min(ended, t.value(opened));
}

void put_connections(JsonWriter& json, const CounterTotals& t) {
  json.key("connections")
      .open_object()
      .key("clients")
      .open_object()
      .member("open", open_now(t, Counter::client_connections, Counter::client_connections_closed))
      .member("total", t.value(Counter::client_connections))
      .close_object()
      .key("upstreams")
      .open_object()
      .member("open",
              open_now(t, Counter::upstream_connections, Counter::upstream_connections_closed))
      .member("total", t.value(Counter::upstream_connections))
      .member("reused", t.value(Counter::upstream_reused))
      .close_object()
      .key("tunnels")
      .open_object()
      .member("open", open_now(t, Counter::tunnels, Counter::tunnels_closed))
      .member("total", t.value(Counter::tunnels))
      .close_object()
      .close_object()
      .key("tls")
      .open_object()
      .member("handshakes", t.value(Counter::tls_handshakes))
      .member("failed", t.value(Counter::tls_handshakes_failed))
      .member("resumed", t.value(Counter::tls_resumed))
      .close_object();
}

void put_latency(JsonWriter& json, const Histogram& latency) {
  json.key("latency").open_object().key("bounds_seconds").open_array();
  for (const auto bound : kLatencyBounds) json.value(seconds_of(bound));
  json.close_array().key("counts").open_array();
  for (const auto n : latency.buckets) json.value(n);
  json.close_array().member("sum_seconds", seconds_of(latency.sum)).close_object();
}

void put_requests(JsonWriter& json, const CounterTotals& t) {
  json.key("requests")
      .open_object()
      .member("total", t.value(Counter::requests))
      .member("active", t.active_sessions())
      .member("errors", t.value(Counter::errors))
      .member("retries", t.value(Counter::retries))
      .key("by_status")
      .open_object();
  for (std::uint16_t s = counter_layout::kFirstStatus; s <= counter_layout::kLastStatus; ++s)
    if (const auto n = t.status(s); n != 0) json.member(std::to_string(s), n);
  json.close_object();
  put_latency(json, t.latency());
  json.close_object().key("local_replies").open_object();
  for (const ReasonInfo& r : kReasonTable)
    if (const auto n = t.value(r.id); n != 0) json.member(r.name, n);
  json.close_object();
}

void put_dropped(JsonWriter& json, const StatusInput& in) {
  json.key("dropped")
      .open_object()
      .member("server_log_records", in.server_log_lost)
      .member("access_log_records", in.access_log_lost.value_or(0))
      .close_object();
}

void put_certificates(JsonWriter& json, const StatusInput& in) {
  constexpr std::time_t kDay = 24 * 60 * 60;
  const std::time_t now = std::chrono::system_clock::to_time_t(in.now);
  json.key("certificates").open_array();
  for (const ServedCertificate& c : in.certificates) {
    const std::time_t left = c.expires - now;
    json.open_object()
        .member("name", c.name.empty() ? "self-signed" : std::string_view(c.name))
        .key("names")
        .open_array();
    for (const std::string& host : c.hosts) json.value(host);
    json.close_array()
        .member("not_after", std::int64_t{c.expires})
        .member("days_left", std::int64_t{left >= 0 ? left / kDay : (left - kDay + 1) / kDay})
        .close_object();
  }
  json.close_array();
}

void put_acme(JsonWriter& json, const AcmeReport& acme) {
  json.key("acme").open_object().member("directory", acme.directory).key("account");
  acme.account.empty() ? json.null() : json.value(acme.account);
  json.key("trouble");
  acme.trouble.empty() ? json.null() : json.value(acme.trouble);
  json.member("issued", acme.issued).member("failed", acme.failed).key("names").open_array();
  for (const AcmeReport::Name& name : acme.names) {
    json.open_object().member("name", name.name).key("trouble");
    name.trouble.empty() ? json.null() : json.value(name.trouble);
    json.member("next_try", unix_time(name.next_look)).close_object();
  }
  json.close_array().close_object();
}

void put_services(JsonWriter& json, const StatusInput& in) {
  json.key("services").open_array();
  for (const auto& [key, service] : in.services) {
    json.open_object().member("name", key.name).member("port", key.port).key("servers");
    service.servers ? json.value(std::uint64_t{service.servers->size()}) : json.null();
    json.key("answered");
    service.answered ? json.value(unix_time(*service.answered)) : json.null();
    json.key("trouble");
    service.trouble.empty() ? json.null() : json.value(service.trouble);
    json.close_object();
  }
  json.close_array();
}

/// As the metrics have it. Pre: not unknown.
std::string_view protocol_name(UpstreamProtocol p) {
  return kUpstreamNames[std::to_underlying(label_of(p))];
}

/// In one word.
std::string_view health_of(const EndpointReport& e, std::size_t workers) {
  if (!e.checks.empty() && e.health() == Health::down) return "down";
  if (e.totals.workers_without >= workers) return "left_out";
  return e.checks.empty() ? "unchecked" : name_of(e.health());
}

void put_checks(JsonWriter& json, const EndpointReport& e) {
  const HealthState::Facts* facts = e.checks.empty() ? nullptr : &e.checks.front().facts;
  const bool failed = facts && !facts->last_error.empty();
  json.key("last_error");
  failed ? json.value(facts->last_error) : json.null();
  json.key("last_error_at");
  failed ? json.value(unix_time(facts->error_time)) : json.null();
}

void put_endpoint(JsonWriter& json, const EndpointReport& e, std::size_t workers) {
  const EndpointTotals& t = e.totals;
  json.open_object().member("address", e.address).member("health", health_of(e, workers));
  json.key("protocol");
  t.protocol == UpstreamProtocol::unknown ? json.null() : json.value(protocol_name(t.protocol));
  json.member("requests", t.requests)
      .member("failures", t.failures)
      .member("retries", t.retries)
      .member("connects", t.connects)
      .member("connect_seconds", seconds_of(t.connect_time))
      .member("ejections", t.ejections);
  put_checks(json, e);
  json.close_object();
}

/// Totals of a route; none: it had no request yet.
class TotalsByRoute {
 public:
  explicit TotalsByRoute(const std::vector<RouteTotals>& totals) {
    for (const RouteTotals& t : totals) by_name_.emplace(Name(t.host, t.path), &t);
  }
  [[nodiscard]] RouteTotals of(const Route& route) const {
    const auto at = by_name_.find(Name(route.host, route.path));
    return at == by_name_.end() ? RouteTotals() : *at->second;
  }

 private:
  using Name = std::pair<std::string_view, std::string_view>;  // of what was given

  std::map<Name, const RouteTotals*> by_name_;
};

void put_route(JsonWriter& json, const StatusInput& in, const Route& route,
               const RouteTotals& totals) {
  json.open_object()
      .member("path", route.path)
      .member("source", route.source)
      .member("requests", totals.requests())
      .member("errors", totals.errors())
      .member("latency_seconds", seconds_of(totals.latency))
      .key("endpoints")
      .open_array();
  for (const EndpointReport& e :
       report_endpoints(in.config.active->snapshot->clusters[route.cluster->value]))
    put_endpoint(json, e, in.workers);
  json.close_array().close_object();
}

/// In the order of the configuration: routes of a host follow each other. The listeners of our own
/// have a route without servers, which is not shown.
void put_hosts(JsonWriter& json, const StatusInput& in) {
  const TotalsByRoute totals(in.routes);
  const std::string* host = nullptr;
  json.key("hosts").open_array();
  for (const Route& route : in.config.active->snapshot->routes) {
    if (!route.cluster) continue;
    if (!host || *host != route.host) {
      if (host) json.close_array().close_object();
      json.open_object().member("host", route.host).key("routes").open_array();
      host = &route.host;
    }
    put_route(json, in, route, totals.of(route));
  }
  if (host) json.close_array().close_object();
  json.close_array();
}

}  // namespace

std::string status_report(const StatusInput& in) {
  JsonWriter json;
  json.open_object()
      .member("version", ARALEZ_VERSION)
      .member("pid", ::getpid())
      .member("time", unix_time(in.now))
      .member("uptime_seconds", seconds_of(in.now - in.started))
      .member("workers", in.workers);
  put_configuration(json, in);
  put_connections(json, in.totals);
  put_requests(json, in.totals);
  put_dropped(json, in);
  put_certificates(json, in);
  put_acme(json, in.acme);
  put_services(json, in);
  put_hosts(json, in);
  json.close_object();
  return json.take();
}

}  // namespace aralez
