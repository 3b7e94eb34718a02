#include "server/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "cluster/health_state.h"
#include "http/scan.h"
#include "proxy/request_rules.h"

namespace aralez {
namespace {

struct Asked {
  Head head;
  bool https = false;
};

/// Takes "GET http://host/path" apart; null scheme means plain http.
Asked parse(std::string_view text) {
  Asked a;
  auto rest = trim_ows(text);
  if (const auto blank = rest.find(' '); blank != std::string_view::npos) {
    a.head.method_text = rest.substr(0, blank);
    rest = trim_ows(rest.substr(blank + 1));
  } else {
    a.head.method_text = "GET";
  }
  a.head.method = method_of(a.head.method_text);
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    a.https = iequals(rest.substr(0, scheme), "https");
    rest.remove_prefix(scheme + 3);
  }
  const auto slash = rest.find_first_of("/?");
  a.head.authority = rest.substr(0, slash);
  a.head.target = slash == std::string_view::npos ? "/" : rest.substr(slash);
  return a;
}

std::string_view scheme_of(ProtocolPin pin) {
  switch (pin) {
    case ProtocolPin::http: return "http://";
    case ProtocolPin::https: return "https://";
    case ProtocolPin::h2c: return "h2c://";
    case ProtocolPin::detect: break;
  }
  return {};
}

std::string servers_of(const Snapshot& s, const Route& r) {
  if (!r.cluster) return r.responder ? "the built-in file server" : "none";
  std::string out;
  for (const auto& e : s.clusters[r.cluster->value].endpoints)
    out += fmt::format("{}{}{}:{}", out.empty() ? "" : ", ", scheme_of(e.pin), e.host, e.port);
  return out.empty() ? "none: answers 502" : out + " (round robin)";
}

/// What the servers speak, and how their certificates are judged.
std::string protocols_of(const Snapshot& s, const Route& r, std::string_view host,
                         const AskServers& ask) {
  std::string out;
  if (!r.cluster) return out;
  const ClusterSpec& cluster = s.clusters[r.cluster->value];
  const auto& endpoints = cluster.endpoints;
  const auto answers = ask(cluster, {.host = host, .configured = r.host == host});
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const EndpointSpec& e = endpoints[i];
    const auto& said = answers[i];
    out += fmt::format("protocol: {}:{} {}{}\n", e.host, e.port,
                       said ? name_of(*said) : "not known: ", said ? "" : said.error().what);
  }
  const auto tls = std::ranges::find_if(endpoints, [](const auto& e) { return e.tls != nullptr; });
  if (tls == endpoints.end()) return out;
  if (const ClientPolicy& policy = tls->tls->policy(); policy.verify)
    out += fmt::format("verified: TLS alone, with {}\n",
                       policy.ca_file.empty() ? "the system's CA certificates" : policy.ca_file);
  return out;
}

/// What its servers are checked by; all servers of a route alike.
std::string checks_of(const Snapshot& s, const Route& r) {
  if (!r.cluster || s.clusters[r.cluster->value].endpoints.empty()) return {};
  const HealthState* const health = s.clusters[r.cluster->value].endpoints.front().health.get();
  if (health == nullptr) return "checks:   none\n";
  const HealthCheckSpec& spec = health->spec();
  const auto seconds = [](Millis t) { return static_cast<double>(t.count()) / 1000; };
  const bool grpc = spec.kind == HealthCheckSpec::Kind::grpc;
  return fmt::format("checks:   {} {}{}every {:g} s, within {:g} s\n", grpc ? "gRPC" : spec.method,
                     grpc ? spec.service : spec.path, grpc && spec.service.empty() ? "" : " ",
                     seconds(spec.interval), seconds(spec.timeout));
}

std::string listener_of(const Asked& asked, const MainConfig& main) {
  if (!asked.https)
    return fmt::format("proxy_address_http {}", main.proxy_address_http.to_string());
  if (!main.proxy_address_tls) return "none: https needs proxy_address_tls";
  return fmt::format("proxy_address_tls {}", main.proxy_address_tls->to_string());
}

/// What the filters answer themselves, or where the request goes on to.
std::string outcome(const Snapshot& s, const Route& route, RequestContext& request,
                    const AskServers& ask) {
  Reply reply;
  std::size_t next = 0;
  if (route.chain.on_request_head(request, reply, next) == Verdict::proceed)
    return fmt::format("forwards: {}\nservers:  {}\n{}{}", request.path.forward,
                       servers_of(s, route), protocols_of(s, route, request.host, ask),
                       checks_of(s, route));
  const std::string_view location = reply.fields.value(FieldId::location);
  return fmt::format("answer:   {} {}{}{}{}{}\n", reply.status, to_string(reply.reason),
                     location.empty() ? "" : " to ", location, reply.why.empty() ? "" : ": ",
                     reply.why);
}

}  // namespace

std::string explain(std::string_view request, const MainConfig& main, const Snapshot& snapshot,
                    const AskServers& ask) {
  BlockPool pool;
  Arena arena(pool);
  Asked asked = parse(request);
  std::string out =
      fmt::format("request:  {} {} host {}\n", asked.head.method_text, asked.head.target,
                  asked.head.authority.empty() ? "(none)" : asked.head.authority);
  out += fmt::format("listener: {}\n", listener_of(asked, main));

  if (target_end(asked.head.target) != asked.head.target.size())
    return out + fmt::format(
                     "answer:   400 {}: percent-encode bytes that are not visible ASCII, and `#`\n",
                     to_string(Reason::bad_target));
  std::string_view host;
  TargetPath path;
  if (const auto bad = check_request(asked.head, arena, host, path); bad.status != 0)
    return out + fmt::format("answer:   {} {}: {}\n", bad.status, to_string(bad.reason), bad.why);
  out += fmt::format("matching: host {} path {}\n", host.empty() ? "(none)" : host, path.match);
  const auto m = snapshot.table.match(host, path.match);
  if (!path.alternate.empty() && snapshot.table.match(host, path.alternate).route != m.route)
    return out + fmt::format("answer:   400 {}: also reads as {}\n",
                             to_string(Reason::path_ambiguous), path.alternate);
  if (!m.route)
    return out + fmt::format("answer:   502 {}: {}\n", to_string(Reason::no_route),
                             m.miss == RouteTable::Miss::host
                                 ? "no such host, and no DEFAULT"
                                 : "the host has no route for this path");
  const Route& route = snapshot.routes[m.route->value];
  out += fmt::format("host:     {}{}\n", route.host, m.by_default ? " (no host of that name)" : "");
  out += fmt::format("route:    {} at {}\n", route.path, route.source);
  for (const auto& f : route.chain.filters()) out += fmt::format("filter:   {}\n", f->describe());
  const ClientInfo client{.ip = "192.0.2.1", .peer_ip = "192.0.2.1", .tls = asked.https};
  RequestContext context{asked.head, path, host, client, arena, pool, 0};
  return out + outcome(snapshot, route, context, ask);
}

}  // namespace aralez
