#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/map_reader.h"
#include "control/schema/upstreams_config.h"

namespace aralez {

// The blocks of upstreams.yaml, each read from its node. All mistakes are reported; what is
// returned is of use only when there were none.

/// Values that the global level, paths and services share.
void read_limit_keys(MapReader& map, std::optional<std::int64_t>& rate_limit,
                     std::optional<std::uint32_t>& x4xx_limit);
/// `verify_upstream` and `ca_file`.
void read_verification(MapReader& map, std::optional<bool>& verify, std::string& ca_file);
/// HEAD, GET or POST, in any case.
void read_health_method(MapReader& map, std::string_view key, std::optional<HealthMethod>& out);
/// `healthcheck` of a path.
[[nodiscard]] HealthCheckConfig read_healthcheck(const Node& node, Diagnostics& diagnostics);
/// `client_headers`, its old name `headers`, and `server_headers`.
void read_header_keys(MapReader& map, std::vector<HeaderRule>& client,
                      std::vector<HeaderRule>& server);

/// Collects host blocks of several files; a host given again replaces the earlier block as a whole.
class HostList {
 public:
  explicit HostList(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  /// `owner` is the mapping that `member` is in.
  void read(const Node& owner, const Node::Member& member);
  /// Every member of a mapping host -> block.
  void read_all(const Node& hosts);
  [[nodiscard]] std::vector<HostConfig> take() { return std::move(hosts_); }
  [[nodiscard]] bool empty() const noexcept { return hosts_.empty(); }

 private:
  void place(HostConfig host);

  Diagnostics& diagnostics_;
  std::vector<HostConfig> hosts_;
  std::unordered_map<std::string, std::size_t> index_;
};

[[nodiscard]] ConsulConfig read_consul(const Node& node, Diagnostics& diagnostics);
[[nodiscard]] KubernetesConfig read_kubernetes(const Node& node, Diagnostics& diagnostics);

}  // namespace aralez
