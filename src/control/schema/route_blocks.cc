#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "control/schema/blocks.h"
#include "control/schema/not_yet.h"
#include "control/schema/values.h"
#include "route/route_table.h"

namespace aralez {
namespace {

void read_servers(MapReader& map, PathConfig& path) {
  const Node* node = map.get("servers");
  if (node == nullptr) {
    if (map.get("redirect_to") == nullptr)
      map.require("servers", "servers: [\"host:port\"], or redirect_to");
    return;
  }
  for (const TextItem& item : decode_list({*node, "servers", "host:port"}, map.diagnostics())) {
    auto server = parse_server(item.text);
    if (!server.value) {
      map.diagnostics().error(item.source, item.key, std::move(server.wrong));
      continue;
    }
    server.value->source = item.source;
    path.servers.push_back(std::move(*server.value));
  }
  if (node->is_sequence() && node->items().empty() && map.get("redirect_to") == nullptr)
    map.diagnostics().warning(map.at("servers"), "servers",
                              "empty, so every request is answered 502; write [\"host:port\"]");
}

void read_redirect(MapReader& map, std::string& out) {
  map.text("redirect_to", out);
  if (out.find_first_of(" \t") != std::string::npos) {
    map.diagnostics().error(map.at("redirect_to"), "redirect_to",
                            "holds blanks; write a URL such as https://host");
  } else if (!out.empty() && !out.starts_with('/') && !lower(out).starts_with("http://") &&
             !lower(out).starts_with("https://")) {
    map.diagnostics().warning(map.at("redirect_to"), "redirect_to",
                              "has no scheme, clients take it for a path; write https://host");
  }
}

void read_authorization(MapReader& map, std::optional<AuthConfig>& out) {
  if (const Node* node = map.get("authorization")) out = parse_auth(*node, map.diagnostics());
}

/// Members of `block`, or an error that says what it should be.
bool expect_mapping(const Node& block, const Source& at, std::string_view key,
                    std::string_view right, Diagnostics& diagnostics) {
  if (block.is_mapping()) return true;
  diagnostics.error(at, key, fmt::format("this is {}; write {}", to_string(block.kind()), right));
  return false;
}

/// Whoever asks for verification and names a scheme without certificates may not know that the one
/// excludes the other.
void warn_of_clear_servers(const PathConfig& path, Diagnostics& diagnostics) {
  if (!path.verify_upstream.value_or(false)) return;
  using enum ServerConfig::Scheme;
  for (const ServerConfig& s : path.servers)
    if (s.scheme == http || s.scheme == h2c)
      diagnostics.warning(s.source, "servers",
                          "is reached without TLS, so verify_upstream checks nothing; write "
                          "https:// or no scheme");
}

/// gRPC needs HTTP/2, and a scheme may have ruled that out.
void warn_of_clear_grpc(const PathConfig& path, Diagnostics& diagnostics) {
  if (path.healthcheck.kind != HealthCheckConfig::Kind::grpc) return;
  for (const ServerConfig& s : path.servers)
    if (s.scheme == ServerConfig::Scheme::http)
      diagnostics.warning(s.source, "servers",
                          "is sent HTTP/1.1, which has no gRPC, but is checked by it; write h2c:// "
                          "or no scheme");
}

PathConfig read_path(MapReader& map) {
  PathConfig path;
  read_servers(map, path);
  map.boolean("to_https", path.to_https);
  read_redirect(map, path.redirect_to);
  read_authorization(map, path.authorization);
  read_header_keys(map, path.client_headers, path.server_headers);
  read_limit_keys(map, path.rate_limit, path.x4xx_limit);
  if (const Node* check = map.get("healthcheck"))
    path.healthcheck = read_healthcheck(*check, map.diagnostics());
  warn_of_clear_grpc(path, map.diagnostics());
  read_verification(map, path.verify_upstream, path.ca_file);
  warn_of_clear_servers(path, map.diagnostics());
  map.seconds("upstream_connect_timeout", path.connect_timeout);
  map.seconds("upstream_first_byte_timeout", path.first_byte_timeout);
  map.seconds("upstream_idle_timeout", path.idle_timeout);
  if (map.get("sticky_sessions") != nullptr)
    map.diagnostics().warning(
        map.at("sticky_sessions"), "sticky_sessions",
        "has no effect on a path; write it at the top level of upstreams.yaml");
  warn_not_yet(map.node(), ConfigBlock::path, map.diagnostics());
  map.finish();
  return path;
}

void place_path(PathConfig path, std::vector<PathConfig>& paths,
                std::unordered_map<std::string, std::size_t>& index, Diagnostics& diagnostics) {
  const auto [at, is_new] = index.emplace(path.path, paths.size());
  if (is_new) {
    paths.push_back(std::move(path));
    return;
  }
  PathConfig& earlier = paths[at->second];
  diagnostics.warning(
      path.source, path.path,
      fmt::format("this path replaces the one at {}; keep one", earlier.source.to_string()));
  earlier = std::move(path);
}

void read_paths(const Node& paths, std::vector<PathConfig>& out, Diagnostics& diagnostics) {
  if (!expect_mapping(paths, paths.source(), "paths", "\"/\": {servers: [\"host:port\"]}",
                      diagnostics))
    return;
  std::unordered_map<std::string, std::size_t> index;
  for (const Node::Member& member : paths.members()) {
    const Source at = paths.source(member);
    NormalKey key = normalise_path_key(member.key);
    if (!key.warning.empty()) diagnostics.warning(at, member.key, std::move(key.warning));
    if (!expect_mapping(*member.value, at, member.key, "servers: [\"host:port\"] below it",
                        diagnostics))
      continue;
    MapReader map(*member.value, diagnostics);
    PathConfig path = read_path(map);
    if (key.key.empty()) continue;
    if (too_deep(key.key))
      diagnostics.error(
          at, member.key,
          fmt::format("more than {} segments; write a shorter path", RouteTable::kMaxDepth));
    path.path = std::move(key.key);
    path.source = at;
    place_path(std::move(path), out, index, diagnostics);
  }
}

HostConfig read_host(const Node& block, Diagnostics& diagnostics) {
  HostConfig host;
  MapReader map(block, diagnostics);
  warn_not_yet(block, ConfigBlock::host, diagnostics);
  read_limit_keys(map, host.rate_limit, host.x4xx_limit);
  if (const Node* paths = map.get("paths"))
    read_paths(*paths, host.paths, diagnostics);
  else
    map.require("paths", "paths: {\"/\": {servers: [\"host:port\"]}}");
  if (map.get("authorization") != nullptr)  // whoever writes it believes that the host is protected
    diagnostics.error(map.at("authorization"), "authorization",
                      "a host has none; write it in each path, or at the top level");
  map.finish();
  return host;
}

}  // namespace

void read_limit_keys(MapReader& map, std::optional<std::int64_t>& rate_limit,
                     std::optional<std::uint32_t>& x4xx_limit) {
  map.integer("rate_limit", rate_limit, {.min = INT64_MIN, .floats = IntegerRule::Floats::whole});
  map.integer("x4xx_limit", x4xx_limit);
  if (rate_limit && *rate_limit <= 0)
    map.diagnostics().warning(map.at("rate_limit"), "rate_limit",
                              "asks for every request to be refused; remove the key for no limit");
}

void read_verification(MapReader& map, std::optional<bool>& verify, std::string& ca_file) {
  bool wanted = false;
  map.boolean("verify_upstream", wanted);
  if (map.get("verify_upstream") != nullptr) verify = wanted;
  read_ca_file(map, ca_file);
  if (!ca_file.empty() && verify && !*verify)
    map.diagnostics().warning(map.at("ca_file"), "ca_file",
                              "has no effect with verify_upstream: false");
}

void read_header_keys(MapReader& map, std::vector<HeaderRule>& client,
                      std::vector<HeaderRule>& server) {
  for (const std::string_view key : {"client_headers", "headers"})
    if (const Node* node = map.get(key)) parse_header_list(*node, key, map.diagnostics(), client);
  if (const Node* node = map.get("server_headers"))
    parse_header_list(*node, "server_headers", map.diagnostics(), server);
}

void HostList::read(const Node& owner, const Node::Member& member) {
  const Source at = owner.source(member);
  NormalKey key = normalise_host_key(member.key);
  if (!key.warning.empty()) diagnostics_.warning(at, member.key, std::move(key.warning));
  if (!expect_mapping(*member.value, at, member.key, "paths: below it", diagnostics_)) return;
  HostConfig host = read_host(*member.value, diagnostics_);
  if (key.key.empty()) return;
  host.host = std::move(key.key);
  host.source = at;
  place(std::move(host));
}

void HostList::read_all(const Node& hosts) {
  for (const Node::Member& member : hosts.members()) read(hosts, member);
}

void HostList::place(HostConfig host) {
  const auto [at, is_new] = index_.emplace(host.host, hosts_.size());
  if (is_new) {
    hosts_.push_back(std::move(host));
    return;
  }
  HostConfig& earlier = hosts_[at->second];
  diagnostics_.warning(host.source, host.host,
                       fmt::format("this host replaces the one at {} as a whole; keep one",
                                   earlier.source.to_string()));
  earlier = std::move(host);
}

}  // namespace aralez
