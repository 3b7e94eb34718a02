#include "admin/status.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "admin/endpoint_view.h"
#include "admin/json_writer.h"

namespace aralez {
namespace {

/// A route with what it was made from.
struct ShownRoute {
  const PathConfig* config;
  const Route* route;
};
using ShownHosts = std::map<std::string_view, std::map<std::string_view, ShownRoute>>;

/// Sorted by host and path. The snapshot has the routes in the order of the configuration.
ShownHosts by_name(const ActiveConfig& active) {
  ShownHosts out;
  std::size_t i = 0;
  for (const HostConfig& host : active.config.hosts)
    for (const PathConfig& path : host.paths)
      out[host.host][path.path] = {&path, &active.snapshot->routes[i++]};
  return out;
}

const ClusterSpec& cluster_of(const ActiveConfig& active, const Route& route) {
  return active.snapshot->clusters[route.cluster->value];
}

/// Calls `fn(json, route)` within the object of each route.
template <class Fn>
std::string for_each_route(const ActiveConfig& active, Fn&& fn) {
  JsonWriter json;
  json.open_object();
  for (const auto& [host, paths] : by_name(active)) {
    json.key(host).open_object();
    for (const auto& [path, shown] : paths) {
      json.key(path).open_object();
      fn(json, shown);
      json.close_object();
    }
    json.close_object();
  }
  json.close_object();
  return json.take();
}

std::uint64_t requests_of(const Route& route, const std::vector<RouteTotals>& routes) {
  const auto name = [](const RouteTotals& r) { return std::tie(r.host, r.path); };
  const auto at = std::ranges::lower_bound(routes, std::tie(route.host, route.path), {}, name);
  return at != routes.end() && name(*at) == std::tie(route.host, route.path) ? at->requests() : 0;
}

}  // namespace

std::string live_status(const ActiveConfig& active) {
  return for_each_route(active, [&active](JsonWriter& json, const ShownRoute& shown) {
    json.key("backends").open_array();
    for (const EndpointSpec& e : cluster_of(active, *shown.route).endpoints)
      json.open_object()
          .member("address", e.host)
          .member("alive", view_of(e).alive)
          .member("port", e.port)
          .close_object();
    json.close_array();
  });
}

std::string all_status(const ActiveConfig& active, const std::vector<RouteTotals>& routes) {
  return for_each_route(active, [&active, &routes](JsonWriter& json, const ShownRoute& shown) {
    json.key("backends").open_array();
    for (const EndpointSpec& e : cluster_of(active, *shown.route).endpoints) {
      const EndpointView view = view_of(e);
      if (!view.alive) continue;
      json.open_object()
          .member("address", e.host)
          .member("port", e.port)
          .member("is_ssl", over_tls(view.protocol))
          .member("is_http2", multiplexes(view.protocol))
          .member("to_https", shown.config->to_https)
          .optional_member("rate_limit", shown.config->rate_limit)
          .optional_member("x4xx_limit", shown.config->x4xx_limit)
          .key("healthcheck");
      if (shown.config->healthcheck.kind == HealthCheckConfig::Kind::off)
        json.value(false);
      else
        json.null();
      json.close_object();
    }
    json.close_array().member("requests", requests_of(*shown.route, routes));
  });
}

}  // namespace aralez
