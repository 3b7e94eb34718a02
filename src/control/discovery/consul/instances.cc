#include "control/discovery/consul/instances.h"

#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "control/json/json_access.h"
#include "control/schema/values.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostServers = 10'000;

struct Place {
  std::string address;
  std::uint16_t port = 0;
};

/// Behaviour section 17.2: the address for the LAN, and what older and simpler entries have.
Place place_of(const Json& instance, ConsulAnswer kind) {
  const bool health = kind == ConsulAnswer::health;
  const Json& service = health ? member(instance, "Service") : instance;
  const Json& tagged = member(service, health ? "TaggedAddresses" : "ServiceTaggedAddresses");
  Place place{text_in(service, health ? "Address" : "ServiceAddress"),
              port_in(service, health ? "Port" : "ServicePort")};
  for (const char* lan : {"lan_ipv4", "lan_ipv6", "lan"}) {
    const Json& entry = member(tagged, lan);
    const std::string address = text_in(entry, "Address");
    if (address.empty()) continue;
    place.address = address;
    if (const auto port = port_in(entry, "Port"); port != 0) place.port = port;
    break;
  }
  if (place.address.empty())
    place.address = text_in(health ? member(instance, "Node") : instance, "Address");
  return place;
}

/// Nothing: an address that is none.
std::string host_of(const std::string& address) {
  if (const auto ip = parse_ip(address)) return ip->ip();
  return is_dns_name(address) ? lower(address) : std::string();
}

enum class Condition : std::uint8_t { good, bad, maintenance };

Condition condition_of(const Json& instance) {
  Condition out = Condition::good;
  for (const Json& check : list_in(instance, "Checks")) {
    const std::string status = text_in(check, "Status");
    const std::string id = text_in(check, "CheckID");
    if (status == "passing" || status == "warning" || status.empty()) continue;
    if (status == "maintenance" || id == "_node_maintenance" ||
        id.starts_with("_service_maintenance"))
      return Condition::maintenance;
    out = Condition::bad;
  }
  return out;
}

}  // namespace

std::expected<std::vector<ServerConfig>, std::string> consul_servers(std::string_view text,
                                                                     ConsulAnswer kind) {
  const Json answer = parse_json(text);
  if (!answer.is_array()) return std::unexpected("the answer is no list of instances");
  std::vector<ServerConfig> good;
  std::vector<ServerConfig> bad;
  bool placeless = false;
  for (const Json& instance : answer) {
    if (!instance.is_object()) return std::unexpected("the answer is no list of instances");
    const Place place = place_of(instance, kind);
    const std::string host = host_of(place.address);
    const Condition condition = condition_of(instance);
    if (condition == Condition::maintenance) continue;
    if (host.empty() || place.port == 0) {
      placeless = true;
      continue;
    }
    auto& list = condition == Condition::good ? good : bad;
    list.push_back({.host = host, .port = place.port});
    if (list.size() > kMostServers)
      return std::unexpected("the answer has more instances than are believed");
  }
  if (good.empty() && bad.empty() && placeless)
    return std::unexpected("no instance in the answer has an address and a port");
  return good.empty() ? bad : good;
}

}  // namespace aralez
