#include "control/discovery/kubernetes/endpoints.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "control/json/json_access.h"
#include "control/schema/values.h"

namespace aralez::kubernetes {
namespace {

using nlohmann::json;
using Addresses = Slice::Addresses;

/// What a port that takes requests is called; others are for metrics, databases and so on.
constexpr std::array<std::string_view, 5> kKnownNames = {"http", "https", "grpc", "h2c", "web"};

bool has_known_name(const Slice::Port& port) {
  return std::find(kKnownNames.begin(), kKnownNames.end(), port.name) != kKnownNames.end();
}

std::vector<Slice::Port> read_ports(const json& object) {
  constexpr std::size_t kMaxPorts = 100;  // of a slice, says its API
  std::vector<Slice::Port> out;
  for (const json& item : list_in(object, "ports")) {
    const std::uint16_t number = port_in(item, "port");
    const std::string protocol = text_in(item, "protocol");
    if ((!protocol.empty() && protocol != "TCP") || number == 0 || out.size() == kMaxPorts)
      continue;
    out.push_back({.name = text_in(item, "name"), .number = number});
  }
  return out;
}

/// As ServerConfig::host; empty: it is none of this kind.
std::string host_of(const json& address, Addresses kind) {
  if (!address.is_string()) return {};
  const auto& text = address.get_ref<const std::string&>();
  if (kind == Addresses::names) return is_dns_name(text) ? lower(text) : std::string();
  const auto ip = parse_ip(text);
  return ip ? ip->ip() : std::string();
}

/// The state of a pod, of which only what is said counts: a missing `ready` means yes, for
/// `serving` it is that of `ready`, and for `terminating` no.
void read_pod(const json& endpoint, Slice& slice) {
  const json& addresses = list_in(endpoint, "addresses");
  if (addresses.empty()) return;
  // Further ones have no meaning, says the API.
  std::string host = host_of(addresses.front(), slice.kind);
  if (host.empty()) return;
  const json& conditions = member(endpoint, "conditions");
  if (member(conditions, "ready") != false)
    slice.ready.push_back(std::move(host));
  else if (member(conditions, "serving") == true && member(conditions, "terminating") == true)
    slice.leaving.push_back(std::move(host));
}

/// Says which port of a slice is meant.
class PortChoice {
 public:
  PortChoice(std::span<const Slice* const> slices, std::string_view port) : name_(port) {
    if (parse_number(port, 1, 65535, number_))
      rule_ = Rule::number;
    else if (!port.empty())
      rule_ = Rule::name;
    else if (std::any_of(slices.begin(), slices.end(), [](const Slice* slice) {
               return std::any_of(slice->ports.begin(), slice->ports.end(), has_known_name);
             }))
      rule_ = Rule::known_name;
  }
  /// 0: it has none.
  [[nodiscard]] std::uint16_t in(const Slice& slice) const {
    const auto at = std::find_if(slice.ports.begin(), slice.ports.end(),
                                 [this](const Slice::Port& port) { return fits(port); });
    return at == slice.ports.end() ? 0 : at->number;
  }

 private:
  enum class Rule : std::uint8_t { first, known_name, name, number };

  [[nodiscard]] bool fits(const Slice::Port& port) const {
    switch (rule_) {
      case Rule::first: break;
      case Rule::known_name: return has_known_name(port);
      case Rule::name: return port.name == name_;
      case Rule::number: return port.number == number_;
    }
    return true;
  }

  Rule rule_ = Rule::first;
  std::string_view name_;
  std::uint16_t number_ = 0;
};

}  // namespace

std::optional<Slice> read_slice(const json& object) {
  Slice slice;
  slice.service = text_in(member(object, "metadata", "labels"), "kubernetes.io/service-name");
  const std::string kind = text_in(object, "addressType");
  if (slice.service.empty()) return std::nullopt;
  if (kind == "IPv4")
    slice.kind = Addresses::ipv4;
  else if (kind == "IPv6")
    slice.kind = Addresses::ipv6;
  else if (kind == "FQDN")
    slice.kind = Addresses::names;
  else
    return std::nullopt;
  slice.ports = read_ports(object);
  for (const json& endpoint : list_in(object, "endpoints")) read_pod(endpoint, slice);
  return slice;
}

std::optional<std::vector<Slice>> read_endpoints(const json& object) {
  if (text_in(object, "kind") != "Endpoints") return std::nullopt;
  std::vector<Slice> out;
  for (const json& subset : list_in(object, "subsets")) {
    Slice& slice = out.emplace_back();
    slice.ports = read_ports(subset);
    for (const json& address : list_in(subset, "addresses"))
      if (std::string host = host_of(member(address, "ip"), Addresses::ipv4); !host.empty())
        slice.ready.push_back(std::move(host));
  }
  return out;
}

bool says_not_found(const json& answer, std::string_view name) {
  return text_in(answer, "kind") == "Status" && text_in(answer, "reason") == "NotFound" &&
         text_in(member(answer, "details"), "kind") == "endpoints" &&
         text_in(member(answer, "details"), "name") == name;
}

std::vector<ServerConfig> servers_of(std::span<const Slice* const> slices, std::string_view port) {
  const PortChoice choice(slices, port);
  std::vector<ServerConfig> out;
  const auto add = [&](Addresses kind, std::vector<std::string> Slice::* hosts) {
    for (const Slice* const slice : slices) {
      const std::uint16_t number = slice->kind == kind ? choice.in(*slice) : 0;
      if (number == 0) continue;
      for (const std::string& host : slice->*hosts)
        if (out.size() < kMaxServers) out.push_back({.host = host, .port = number, .source = {}});
    }
  };
  for (const auto hosts : {&Slice::ready, &Slice::leaving})
    for (const auto kind : {Addresses::ipv4, Addresses::ipv6, Addresses::names})
      if (out.empty()) add(kind, hosts);
  return out;
}

}  // namespace aralez::kubernetes
