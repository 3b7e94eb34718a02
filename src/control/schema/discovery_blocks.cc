#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/ascii.h"
#include "control/schema/blocks.h"
#include "control/schema/values.h"
#include "io/socket_address.h"
#include "route/route_table.h"

namespace aralez {
namespace {

void read_service_target(MapReader& map, ServiceConfig& service) {
  map.require("hostname", "hostname: the virtual host");
  map.require("upstream", "upstream: the service name in the registry");
  std::string hostname;
  std::string path;
  map.text("hostname", hostname);
  map.text("upstream", service.upstream);
  map.text("path", path);
  if (const Node* name = map.get("upstream"); name && name->is_scalar() && service.upstream.empty())
    map.diagnostics().error(name->source(), "upstream",
                            "empty; write the name of the service in the registry");
  if (!hostname.empty()) {
    NormalKey key = normalise_host_key(hostname);
    service.hostname = std::move(key.key);
    if (!key.warning.empty())
      map.diagnostics().warning(map.at("hostname"), "hostname", std::move(key.warning));
  }
  if (path.empty()) return;
  NormalKey key = normalise_path_key(path);
  if (too_deep(key.key))
    map.diagnostics().error(
        map.at("path"), "path",
        fmt::format("more than {} segments; write a shorter path", RouteTable::kMaxDepth));
  service.path = std::move(key.key);
  if (!key.warning.empty())
    map.diagnostics().warning(map.at("path"), "path", std::move(key.warning));
}

/// Kubernetes alone: a name as ports of services have it, or a number.
void read_port(MapReader& map, std::string& out) {
  const Node* node = map.get("port");
  if (node == nullptr) return;
  std::uint16_t number = 0;
  const std::string text = node->is_scalar() ? node->text() : std::string();
  if (!parse_number(text, 1, 65535, number) && (text.size() > 63 || !is_dns_name(text)))
    return map.diagnostics().error(node->source(), "port",
                                   "not a port; write the name or the number of one");
  out = text;
}

enum class Ports : bool { one, chosen };

ServiceConfig read_service(const Node& node, Ports ports, Diagnostics& diagnostics) {
  ServiceConfig service;
  service.source = node.source();
  MapReader map(node, diagnostics);
  read_service_target(map, service);
  if (ports == Ports::chosen) read_port(map, service.port);
  map.boolean("to_https", service.to_https);
  read_limit_keys(map, service.rate_limit, service.x4xx_limit);
  read_header_keys(map, service.client_headers, service.server_headers);
  map.ignore({"sticky_sessions"});  // the global one applies
  if (map.get("authorization") != nullptr)
    diagnostics.error(map.at("authorization"), "authorization",
                      "a service has none; write it at the top level");
  map.finish();
  return service;
}

/// Services that no request can reach are left out; the warning has been given.
std::vector<ServiceConfig> read_services(MapReader& map, Ports ports) {
  std::vector<ServiceConfig> out;
  const Node* node = map.get("services");
  if (node == nullptr) {
    map.diagnostics().warning(
        map.at("services"), "services",
        "none, so there are no routes; write [{hostname: ..., upstream: ...}]");
    return out;
  }
  if (!node->is_sequence()) {
    map.diagnostics().error(
        node->source(), "services",
        fmt::format("this is {}; write a list of {{hostname: ..., upstream: ...}}",
                    to_string(node->kind())));
    return out;
  }
  std::map<std::pair<std::string, std::string>, std::size_t> places;  // by host and path
  std::size_t index = 0;
  for (const Node* item : node->items()) {
    ++index;
    if (!item->is_mapping()) {
      map.diagnostics().error(item->source(), fmt::format("services[{}]", index),
                              fmt::format("this is {}; write {{hostname: ..., upstream: ...}}",
                                          to_string(item->kind())));
      continue;
    }
    ServiceConfig service = read_service(*item, ports, map.diagnostics());
    if (service.hostname.empty() || service.path.empty()) continue;
    const auto [place, is_new] =
        places.emplace(std::pair(service.hostname, service.path), out.size());
    if (is_new) {
      out.push_back(std::move(service));
      continue;
    }
    map.diagnostics().warning(out[place->second].source, "services",
                              fmt::format("{}{} is given again below, and that one counts",
                                          service.hostname, service.path));
    out[place->second] = std::move(service);
  }
  return out;
}

/// With a port or without.
bool is_host(std::string_view text) {
  const bool alone = text.find(':', text.starts_with('[') ? text.find(']') : 0) == text.npos;
  return parse_server(alone ? fmt::format("{}:80", text) : std::string(text)).value.has_value();
}

/// `http://host:port` of a Consul server, without a slash behind it.
std::string consul_url(const TextItem& item, Diagnostics& diagnostics) {
  std::string_view url = trim_ows(item.text);
  while (url.ends_with('/')) url.remove_suffix(1);
  const auto scheme = url.find("://");
  const std::string name = scheme == std::string_view::npos ? "" : lower(url.substr(0, scheme));
  if (name != "http" && name != "https") {
    diagnostics.error(item.source, item.key, "has no http:// or https://; write http://host:8500");
    return {};
  }
  const auto host = url.substr(scheme + 3, url.find('/', scheme + 3) - (scheme + 3));
  if (!is_host(host) || url.find_first_of(" \t?#@") != std::string_view::npos) {
    diagnostics.error(item.source, item.key, "not a URL of a server; write http://host:8500");
    return {};
  }
  return std::string(url);
}

/// `host:port` of a Kubernetes API server, always reached by https.
std::string kubernetes_address(const TextItem& item, Diagnostics& diagnostics) {
  const auto server = parse_server(item.text);
  if (!server.value) {
    diagnostics.error(item.source, item.key, server.wrong);
    return {};
  }
  using enum ServerConfig::Scheme;
  if (server.value->scheme != detect && server.value->scheme != https) {
    diagnostics.error(item.source, item.key, "the API is reached by https alone; write host:port");
    return {};
  }
  return host_and_port(server.value->host, server.value->port);
}

template <class Read>
void read_api_servers(MapReader& map, Read&& read, std::vector<std::string>& out) {
  const Node* node = map.get("servers");
  if (node == nullptr) return;
  for (const TextItem& item : decode_list({*node, "servers"}, map.diagnostics()))
    if (auto server = read(item, map.diagnostics()); !server.empty())
      out.push_back(std::move(server));
}

bool is_block(const Node& node, std::string_view key, Diagnostics& diagnostics) {
  if (node.is_mapping()) return true;
  diagnostics.error(
      node.source(), key,
      fmt::format("this is {}; write servers: and services: below it", to_string(node.kind())));
  return false;
}

}  // namespace

ConsulConfig read_consul(const Node& node, Diagnostics& diagnostics) {
  ConsulConfig out;
  out.source = node.source();
  if (!is_block(node, "consul", diagnostics)) return out;
  MapReader map(node, diagnostics);
  read_api_servers(map, consul_url, out.servers);
  out.services = read_services(map, Ports::one);
  map.text("token", out.token, Secret::yes);
  if (std::any_of(out.token.begin(), out.token.end(), [](char c) { return c <= ' ' || c > '~'; }))
    diagnostics.error(map.at("token"), "token", "not a token: it has blanks or other signs");
  read_ca_file(map, out.ca_file);
  map.finish();
  return out;
}

KubernetesConfig read_kubernetes(const Node& node, Diagnostics& diagnostics) {
  KubernetesConfig out;
  out.source = node.source();
  if (!is_block(node, "kubernetes", diagnostics)) return out;
  MapReader map(node, diagnostics);
  read_api_servers(map, kubernetes_address, out.servers);
  out.services = read_services(map, Ports::chosen);
  map.text("tokenpath", out.tokenpath);
  map.text("namespace", out.name_space);
  read_ca_file(map, out.ca_file);
  map.finish();
  return out;
}

}  // namespace aralez
