#include "control/build/build.h"

namespace aralez {
namespace {

RouteTimeouts timeouts_of(const Limits& limits, const PathConfig& path) {
  return {.connect = path.connect_timeout.value_or(limits.upstream_connect_timeout),
          .first_byte = path.first_byte_timeout.value_or(limits.upstream_first_byte_timeout),
          .idle = path.idle_timeout.value_or(limits.upstream_idle_timeout)};
}

ClusterSpec cluster_of(const HostConfig& host, const PathConfig& path) {
  ClusterSpec spec{.name = host.host + path.path};
  for (const ServerConfig& s : path.servers)
    spec.endpoints.push_back({.host = s.host, .port = s.port});
  return spec;
}

/// The file server's own listener has one route, which is in no table.
void add_file_route(Snapshot& snapshot, const BuildInputs& in) {
  if (!in.files) return;
  Route route{.host = "file server", .path = "/", .source = "file_server_folder"};
  route.responder = in.files;
  snapshot.file_route = RouteId{static_cast<std::uint32_t>(snapshot.routes.size())};
  snapshot.routes.push_back(std::move(route));
}

}  // namespace

std::shared_ptr<const Snapshot> build_snapshot(const BuildInputs& in) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = in.generation;
  std::vector<RouteTable::Entry> entries;
  for (const HostConfig& host : in.upstreams.hosts) {
    for (const PathConfig& path : host.paths) {
      Route route{.host = host.host, .path = path.path, .source = path.source.to_string()};
      route.chain = in.make_chain(in.main, in.upstreams, path);
      route.timeouts = timeouts_of(in.main.limits, path);
      route.cluster = ClusterId{static_cast<std::uint32_t>(snapshot->clusters.size())};
      snapshot->clusters.push_back(cluster_of(host, path));
      entries.push_back({host.host == "DEFAULT" ? std::string() : host.host, path.path,
                         RouteId{static_cast<std::uint32_t>(snapshot->routes.size())}});
      snapshot->routes.push_back(std::move(route));
    }
  }
  add_file_route(*snapshot, in);
  snapshot->table = RouteTable(std::move(entries), in.hash_key);
  return snapshot;
}

}  // namespace aralez
