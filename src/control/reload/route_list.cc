#include "control/reload/route_list.h"

#include <fmt/format.h>

namespace aralez {
namespace {

std::size_t count_routes(const UpstreamsConfig& config) {
  std::size_t n = 0;
  for (const auto& host : config.hosts) n += host.paths.size();
  return n;
}

}  // namespace

std::string list_routes(const Snapshot& snapshot, const UpstreamsConfig& config) {
  std::string out = fmt::format("configuration {}: {} hosts, {} routes", snapshot.generation,
                                config.hosts.size(), count_routes(config));
  for (const auto& host : config.hosts) {
    for (const auto& path : host.paths) {
      std::string servers;
      for (const auto& s : path.servers)
        servers += fmt::format("{}{}:{}", servers.empty() ? "" : ", ", s.host, s.port);
      out += fmt::format("\n{}{} -> {}", host.host, path.path,
                         servers.empty() ? "no servers" : servers);
    }
  }
  return out;
}

}  // namespace aralez
