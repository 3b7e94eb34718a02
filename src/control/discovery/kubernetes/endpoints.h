#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/schema/upstreams_config.h"

namespace aralez::kubernetes {

/// Of one service; the others are left out.
constexpr std::size_t kMaxServers = 10'000;

/// Pods of a service that have the same ports: an EndpointSlice, or a subset of an Endpoints
/// object.
struct Slice {
  /// In the order they are preferred in; all that a subset has are `ipv4`, whatever they look like.
  enum class Addresses : std::uint8_t { ipv4, ipv6, names };
  struct Port {
    std::string name;
    std::uint16_t number = 0;

    bool operator==(const Port&) const = default;
  };

  std::string service;
  Addresses kind = Addresses::ipv4;
  std::vector<Port> ports;           ///< of TCP, in the order of the object
  std::vector<std::string> ready;    ///< as ServerConfig::host
  std::vector<std::string> leaving;  ///< their pods are ending, but still serve

  bool operator==(const Slice&) const = default;
};

/// nullopt: it is of no service, or of a kind of addresses nobody knows.
[[nodiscard]] std::optional<Slice> read_slice(const nlohmann::json& object);
/// The subsets of an Endpoints object; nullopt: it is none.
[[nodiscard]] std::optional<std::vector<Slice>> read_endpoints(const nlohmann::json& object);
/// An answer with status 404 says that there is no such Endpoints object. Others with this status
/// come from something else than the API, or from one that knows no Endpoints.
[[nodiscard]] bool says_not_found(const nlohmann::json& answer, std::string_view name);

/// The servers of a service. `port` as ServiceKey::port. Pods that are leaving count only when
/// there are no others, and every pod has one address, although slices have one for each family.
[[nodiscard]] std::vector<ServerConfig> servers_of(std::span<const Slice* const> slices,
                                                   std::string_view port);

}  // namespace aralez::kubernetes
