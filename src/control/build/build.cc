#include "control/build/build.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace aralez {
namespace {

RouteTimeouts timeouts_of(const Limits& limits, const PathConfig& path) {
  return {.connect = path.connect_timeout.value_or(limits.upstream_connect_timeout),
          .first_byte = path.first_byte_timeout.value_or(limits.upstream_first_byte_timeout),
          .idle = path.idle_timeout.value_or(limits.upstream_idle_timeout)};
}

ProtocolPin pin_of(ServerConfig::Scheme scheme) {
  switch (scheme) {
    case ServerConfig::Scheme::http: return ProtocolPin::http;
    case ServerConfig::Scheme::https: return ProtocolPin::https;
    case ServerConfig::Scheme::h2c: return ProtocolPin::h2c;
    case ServerConfig::Scheme::detect: break;
  }
  return ProtocolPin::detect;
}

/// Makes each context once: those that verify read a whole store of certificates.
class ClientContexts {
 public:
  explicit ClientContexts(const BuildInputs& in) : in_(in) {}
  std::shared_ptr<const ClientContext> of(const PathConfig& path) {
    ClientPolicy policy{.verify = path.verify_upstream.value_or(in_.upstreams.verify_upstream)};
    if (policy.verify) {
      for (const std::string& file : {path.ca_file, in_.upstreams.ca_file, in_.main.ca_file})
        if (policy.ca_file.empty()) policy.ca_file = file;
    }
    for (const auto& made : made_)
      if (made->policy() == policy) return made;
    return made_.emplace_back(ClientContext::make(policy));
  }

 private:
  const BuildInputs& in_;
  std::vector<std::shared_ptr<const ClientContext>> made_;
};

std::string_view text_of(HealthMethod method) {
  switch (method) {
    case HealthMethod::head: break;
    case HealthMethod::get: return "GET";
    case HealthMethod::post: return "POST";
  }
  return "HEAD";
}

HealthCheckSpec::Kind kind_of(HealthCheckConfig::Kind kind) {
  switch (kind) {
    case HealthCheckConfig::Kind::http: return HealthCheckSpec::Kind::http;
    case HealthCheckConfig::Kind::grpc: return HealthCheckSpec::Kind::grpc;
    case HealthCheckConfig::Kind::off:
    case HealthCheckConfig::Kind::automatic: break;
  }
  return HealthCheckSpec::Kind::automatic;
}

/// Behaviour section 5.1, and what the route says instead.
HealthCheckSpec check_of(const MainConfig& main, const PathConfig& path) {
  const HealthCheckConfig& c = path.healthcheck;
  HealthCheckSpec spec{.kind = kind_of(c.kind),
                       .method = std::string(text_of(c.method.value_or(main.hc_method))),
                       .path = c.path.empty() ? path.path : c.path,
                       .host = c.host,
                       .service = c.service,
                       .interval = c.interval.value_or(main.hc_interval),
                       .timeout = c.timeout.value_or(c.interval.value_or(main.hc_interval)),
                       .rise = c.rise,
                       .fall = c.fall};
  if (!c.expect.empty()) spec.expect.clear();
  for (const auto& range : c.expect) spec.expect.push_back({range.first, range.last});
  return spec;
}

/// Known to the registry as what it is and, unless the route does not want that, as checked.
void attach(EndpointSpec& endpoint, const BuildInputs& in, const HostConfig& host,
            const PathConfig& path) {
  if (in.endpoints == nullptr) return;
  if (path.healthcheck.kind == HealthCheckConfig::Kind::off) return in.endpoints->attach(endpoint);
  const bool named = host.host != "DEFAULT" && !host.host.starts_with('[');
  in.endpoints->attach(endpoint, check_of(in.main, path), named ? host.host : std::string());
}

ClusterSpec cluster_of(const BuildInputs& in, const HostConfig& host, const PathConfig& path,
                       ClientContexts& contexts) {
  ClusterSpec spec{.name = host.host + path.path};
  for (const ServerConfig& s : path.servers) {
    EndpointSpec endpoint{.host = s.host, .port = s.port, .pin = pin_of(s.scheme)};
    const bool clear = endpoint.pin == ProtocolPin::http || endpoint.pin == ProtocolPin::h2c;
    if (!clear) endpoint.tls = contexts.of(path);
    attach(endpoint, in, host, path);
    spec.endpoints.push_back(std::move(endpoint));
  }
  return spec;
}

using HeaderList = std::vector<HeaderRule> PathConfig::*;

/// A list of a route without one of its own is that of the nearest route above it (behaviour
/// section 9).
const std::vector<HeaderRule>& inherited(
    const std::unordered_map<std::string_view, const PathConfig*>& paths, const PathConfig& path,
    HeaderList list) {
  std::string_view at = path.path;
  while ((path.*list).empty() && at.size() > 1) {
    at = at.substr(0, std::max<std::size_t>(at.rfind('/'), 1));
    const auto above = paths.find(at);
    if (above != paths.end() && !(above->second->*list).empty()) return above->second->*list;
  }
  return path.*list;
}

std::vector<PathConfig> with_inherited_headers(const HostConfig& host) {
  std::unordered_map<std::string_view, const PathConfig*> known;
  for (const PathConfig& path : host.paths) known.emplace(path.path, &path);
  std::vector<PathConfig> out = host.paths;
  for (std::size_t i = 0; i < out.size(); ++i)
    for (const HeaderList list : {&PathConfig::server_headers, &PathConfig::client_headers})
      out[i].*list = inherited(known, host.paths[i], list);
  return out;
}

/// A listener of its own has one route, which is in no table.
std::optional<RouteId> add_own_route(Snapshot& snapshot, std::string name, std::string source,
                                     const std::shared_ptr<const Responder>& responder) {
  if (!responder) return std::nullopt;
  Route route{.host = std::move(name), .path = "/", .source = std::move(source)};
  route.responder = responder;
  snapshot.routes.push_back(std::move(route));
  return RouteId{static_cast<std::uint32_t>(snapshot.routes.size() - 1)};
}

}  // namespace

std::shared_ptr<const Snapshot> build_snapshot(const BuildInputs& in) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = in.generation;
  std::vector<RouteTable::Entry> entries;
  ClientContexts contexts(in);
  for (const HostConfig& host : in.upstreams.hosts) {
    for (const PathConfig& path : with_inherited_headers(host)) {
      Route route{.host = host.host, .path = path.path, .source = path.source.to_string()};
      route.chain = in.make_chain({in.main, in.upstreams, host, path});
      route.timeouts = timeouts_of(in.main.limits, path);
      if (in.series) route.series = in.series->number_of(host.host, path.path);
      route.cluster = ClusterId{static_cast<std::uint32_t>(snapshot->clusters.size())};
      snapshot->clusters.push_back(cluster_of(in, host, path, contexts));
      entries.push_back({host.host == "DEFAULT" ? std::string() : host.host, path.path,
                         RouteId{static_cast<std::uint32_t>(snapshot->routes.size())}});
      snapshot->routes.push_back(std::move(route));
    }
  }
  snapshot->file_route = add_own_route(*snapshot, "file server", "file_server_folder", in.files);
  snapshot->admin_route = add_own_route(*snapshot, "API", "config_address", in.admin);
  snapshot->challenge_route =
      add_own_route(*snapshot, "ACME challenge", "acme_directory", in.challenge_responder);
  if (snapshot->challenge_route) snapshot->challenges = in.challenges;
  snapshot->table = RouteTable(std::move(entries), in.hash_key);
  return snapshot;
}

}  // namespace aralez
