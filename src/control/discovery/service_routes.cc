#include "control/discovery/service_routes.h"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace aralez {
namespace {

PathConfig route_of(const ServiceConfig& service, const DiscoveredServices& known) {
  PathConfig path{.path = service.path,
                  .source = service.source,
                  .to_https = service.to_https,
                  .client_headers = service.client_headers,
                  .server_headers = service.server_headers,
                  .rate_limit = service.rate_limit,
                  .x4xx_limit = service.x4xx_limit};
  const auto at = known.find({service.upstream, service.port});
  if (at != known.end() && at->second.servers) path.servers = *at->second.servers;
  for (ServerConfig& server : path.servers) server.source = service.source;
  return path;
}

/// In the order of the first service of each.
class Hosts {
 public:
  std::vector<PathConfig>& paths_of(const ServiceConfig& service) {
    const auto [at, is_new] = places_.emplace(service.hostname, hosts_.size());
    if (is_new) hosts_.push_back({.host = service.hostname, .source = service.source});
    return hosts_[at->second].paths;
  }
  std::vector<HostConfig> take() { return std::move(hosts_); }

 private:
  std::vector<HostConfig> hosts_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

}  // namespace

std::vector<HostConfig> service_routes(const UpstreamsConfig& config,
                                       const DiscoveredServices& known) {
  Hosts hosts;
  const auto add = [&](const auto& block) {
    for (const ServiceConfig& service : block.services)
      hosts.paths_of(service).push_back(route_of(service, known));
  };
  if (config.provider == Provider::consul) add(*config.consul);
  if (config.provider == Provider::kubernetes) add(*config.kubernetes);
  return hosts.take();
}

}  // namespace aralez
