#include "observe/metrics/metrics.h"

#include <algorithm>
#include <array>
#include <map>

namespace aralez {
namespace {

double seconds_of(std::chrono::nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

void single(Exposition& out, const MetricFamily& family, std::uint64_t value) {
  out.begin(family);
  out.sample({}, value);
}

/// Values of an enum that were counted, by name.
template <class E, std::size_t N, class Name>
void by_label(Exposition& out, const MetricFamily& family, const CounterTotals& totals, Name name) {
  std::vector<std::pair<std::string_view, std::uint64_t>> found;
  for (std::size_t i = 0; i < N; ++i)
    if (const auto n = totals.value(static_cast<E>(i)); n != 0)
      found.emplace_back(name(static_cast<E>(i)), n);
  std::sort(found.begin(), found.end());
  out.begin(family);
  for (const auto& [label, n] : found) out.sample({{family.label, label}}, n);
}

void by_status(Exposition& out, const CounterTotals& totals) {
  out.begin(metric::kResponses);
  for (std::uint16_t s = counter_layout::kFirstStatus; s <= counter_layout::kLastStatus; ++s)
    if (const auto n = totals.status(s); n != 0)
      out.sample({{metric::kResponses.label, std::to_string(s)}}, n);
}

void latency(Exposition& out, const CounterTotals& totals) {
  const Histogram h = totals.latency();
  if (h.count == 0) return;
  out.begin(metric::kLatency);
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i < h.buckets.size(); ++i) {
    up_to += h.buckets[i];
    out.sample("_bucket", {{"le", kLatencyBoundNames[i]}}, up_to);
  }
  out.sample("_sum", {}, seconds_of(h.sum));
  out.sample("_count", {}, h.count);
}

/// What the original has. A metric appears after its first use.
void requests(Exposition& out, const MetricsInput& in) {
  const CounterTotals& t = in.totals;
  if (t.value(Counter::requests) != 0)
    single(out, info_of(Counter::requests).family, t.value(Counter::requests));
  if (t.value(Counter::requests_started) != 0)
    single(out, metric::kActiveSessions, t.active_sessions());
  by_label<MethodLabel, kMethodLabels>(out, metric::kRequestsByMethod, t, [](MethodLabel m) {
    return kMethodNames[std::to_underlying(m)];
  });
  by_label<VersionLabel, kVersionLabels>(out, metric::kRequestsByVersion, t, [](VersionLabel v) {
    return kVersionNames[std::to_underlying(v)];
  });
  by_status(out, t);
  latency(out, t);
  std::map<std::string_view, std::uint64_t> hosts;
  for (const RouteTotals& r : in.routes) hosts[r.host] += r.requests();
  out.begin(metric::kRequestsByUpstream);
  for (const auto& [host, n] : hosts) out.sample({{metric::kRequestsByUpstream.label, host}}, n);
}

/// Counters without a label, from the start on: a rate over the first event needs the 0 before it.
void counters(Exposition& out, const CounterTotals& t) {
  for (const CounterInfo& c : kCounterTable)
    if (c.family.type == MetricType::counter && c.id != Counter::requests)
      single(out, c.family, t.value(c.id));
  const auto open = [&t](Counter begun, Counter ended) {
    const auto b = t.value(begun);
    const auto e = t.value(ended);
    return b > e ? b - e : 0;  // not read at one instant
  };
  single(out, metric::kClientConnectionsOpen,
         open(Counter::client_connections, Counter::client_connections_closed));
  single(out, metric::kUpstreamConnectionsOpen,
         open(Counter::upstream_connections, Counter::upstream_connections_closed));
  single(out, metric::kTunnelsOpen, open(Counter::tunnels, Counter::tunnels_closed));
  by_label<Reason, kReasons>(out, metric::kLocalReplies, t, [](Reason r) { return to_string(r); });
  by_label<UpstreamLabel, kUpstreamLabels>(
      out, metric::kUpstreamConnectionsByProtocol, t,
      [](UpstreamLabel p) { return kUpstreamNames[std::to_underlying(p)]; });
  by_label<TlsLabel, kTlsLabels>(out, metric::kTlsHandshakes, t,
                                 [](TlsLabel v) { return kTlsNames[std::to_underlying(v)]; });
}

void add(RouteTotals& to, const RouteTotals& from) {
  for (std::size_t i = 0; i < to.by_class.size(); ++i) to.by_class[i] += from.by_class[i];
  to.cut += from.cut;
  to.latency += from.latency;
}

/// At most kMaxSeries, in order; `other` has the rest.
std::vector<RouteTotals> bounded(const std::vector<RouteTotals>& routes) {
  std::vector<RouteTotals> kept = routes;
  if (kept.size() <= kMaxSeries) return kept;
  const auto busier = [](const RouteTotals& a, const RouteTotals& b) {
    return a.requests() > b.requests();
  };
  const auto end = kept.begin() + static_cast<std::ptrdiff_t>(kMaxSeries - 1);
  std::nth_element(kept.begin(), end, kept.end(), busier);
  RouteTotals other{.host = "other", .path = {}};
  for (auto r = end; r != kept.end(); ++r) add(other, *r);
  kept.erase(end, kept.end());
  // `other` may be among them already: the routes that got no number of their own.
  const auto same = std::find_if(kept.begin(), kept.end(), [](const RouteTotals& r) {
    return r.host == "other" && r.path.empty();
  });
  if (same != kept.end())
    add(*same, other);
  else
    kept.push_back(std::move(other));
  std::sort(kept.begin(), kept.end(), [](const RouteTotals& a, const RouteTotals& b) {
    return std::pair(a.host, a.path) < std::pair(b.host, b.path);
  });
  return kept;
}

void routes(Exposition& out, const MetricsInput& in) {
  static constexpr std::array<std::string_view, 6> kClasses{"none", "1xx", "2xx",
                                                            "3xx",  "4xx", "5xx"};
  const auto all = bounded(in.routes);
  out.begin(metric::kRouteRequests);
  for (const RouteTotals& r : all)
    for (std::size_t i = 1; i <= kClasses.size(); ++i) {
      const std::size_t c = i % kClasses.size();  // "none" stands behind the digits
      if (r.by_class[c] != 0)
        out.sample({{"host", r.host}, {"path", r.path}, {"status", kClasses[c]}}, r.by_class[c]);
    }
  out.begin(metric::kRouteErrors);
  for (const RouteTotals& r : all) out.sample({{"host", r.host}, {"path", r.path}}, r.errors());
  out.begin(metric::kRouteLatency);
  for (const RouteTotals& r : all) {
    out.sample("_sum", {{"host", r.host}, {"path", r.path}}, seconds_of(r.latency));
    out.sample("_count", {{"host", r.host}, {"path", r.path}}, r.requests());
  }
}

void endpoints(Exposition& out, const MetricsInput& in) {
  std::vector<const EndpointFigures*> shown;
  for (const EndpointFigures& e : in.endpoints) shown.push_back(&e);
  if (shown.size() > kMaxSeries) {
    std::nth_element(shown.begin(), shown.begin() + kMaxSeries, shown.end(),
                     [](const auto* a, const auto* b) { return a->requests > b->requests; });
    shown.resize(kMaxSeries);
  }
  std::sort(shown.begin(), shown.end(),
            [](const auto* a, const auto* b) { return a->endpoint < b->endpoint; });
  const auto each = [&](const MetricFamily& family, auto value) {
    out.begin(family);
    for (const EndpointFigures* e : shown) out.sample({{"endpoint", e->endpoint}}, value(*e));
  };
  each(metric::kEndpointHealthy, [](const auto& e) { return std::uint64_t{e.healthy}; });
  each(metric::kEndpointRequests, [](const auto& e) { return e.requests; });
  each(metric::kEndpointFailures, [](const auto& e) { return e.failures; });
  each(metric::kEndpointRetries, [](const auto& e) { return e.retries; });
  out.begin(metric::kEndpointConnect);
  for (const EndpointFigures* e : shown) {
    out.sample("_sum", {{"endpoint", e->endpoint}}, seconds_of(e->connecting));
    out.sample("_count", {{"endpoint", e->endpoint}}, e->connects);
  }
}

void certificates(Exposition& out, const MetricsInput& in) {
  auto all = in.certificates;
  // The first to end are those that somebody wants to see.
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.expires < b.expires; });
  if (all.size() > kMaxSeries) all.resize(kMaxSeries);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  out.begin(metric::kCertificateExpiry);
  for (const auto& c : all)
    out.sample({{metric::kCertificateExpiry.label, c.name}}, static_cast<std::uint64_t>(c.expires));
}

void acme(Exposition& out, const AcmeFigures& f) {
  single(out, metric::kAcmeNames, f.names);
  single(out, metric::kAcmeFailing, f.failing);
  out.begin(metric::kAcmeOrders);
  out.sample({{metric::kAcmeOrders.label, "failed"}}, f.failed);
  out.sample({{metric::kAcmeOrders.label, "issued"}}, f.issued);
}

void services(Exposition& out, const MetricsInput& in) {
  const auto end =
      in.services.begin() + static_cast<std::ptrdiff_t>(std::min(in.services.size(), kMaxSeries));
  const auto each = [&](const MetricFamily& family, auto value) {
    if (in.services.empty()) return;
    out.begin(family);
    for (auto s = in.services.begin(); s != end; ++s)
      out.sample({{family.label, s->name}}, std::uint64_t{value(*s)});
  };
  each(metric::kServiceServers, [](const auto& s) { return s.servers; });
  each(metric::kServiceUp, [](const auto& s) { return std::uint64_t{s.up}; });
  each(metric::kServiceTime, [](const auto& s) { return static_cast<std::uint64_t>(s.answered); });
}

void configuration(Exposition& out, const ReloadFigures& r) {
  out.begin(metric::kReloads);
  out.sample({{metric::kReloads.label, "applied"}}, r.applied);
  out.sample({{metric::kReloads.label, "refused"}}, r.refused);
  out.sample({{metric::kReloads.label, "unchanged"}}, r.unchanged);
  single(out, metric::kGeneration, r.generation);
  single(out, metric::kConfigTime, static_cast<std::uint64_t>(r.applied_at));
}

void process(Exposition& out, const MetricsInput& in) {
  single(out, metric::kOpenFiles, in.process.open_files);
  single(out, metric::kMemoryBytes, in.process.memory_bytes);
  single(out, metric::kStartTime, static_cast<std::uint64_t>(in.process.started));
  if (in.access_log_lost) single(out, metric::kLoggingErrors, *in.access_log_lost);
  single(out, metric::kServerLogDropped, in.server_log_lost);
  out.begin(metric::kBuildInfo);
  out.sample({{"compiler", __VERSION__}, {"version", ARALEZ_VERSION}}, std::uint64_t{1});
}

}  // namespace

std::string render_metrics(const MetricsInput& input, MetricsFormat format) {
  Exposition out(format);
  requests(out, input);
  counters(out, input.totals);
  routes(out, input);
  endpoints(out, input);
  certificates(out, input);
  acme(out, input.acme);
  services(out, input);
  configuration(out, input.reloads);
  process(out, input);
  return out.finish();
}

}  // namespace aralez
