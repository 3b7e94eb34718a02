#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/map_reader.h"
#include "control/schema/main_config.h"
#include "control/schema/upstreams_config.h"

namespace aralez {

// Values with a syntax of their own. All report what is wrong and leave `out` alone then.

/// `IP:port`.
void read_address(MapReader& map, std::string_view key, std::optional<SocketAddress>& out);
/// A list of addresses of one family, without ports.
void read_source_addresses(MapReader& map, std::string_view key, int family,
                           std::vector<SocketAddress>& out);
/// A bundle of CA certificates, which must be readable now.
void read_ca_file(MapReader& map, std::string& out, std::string_view key = "ca_file");
/// The keys `acme_*`.
void read_acme(MapReader& map, AcmeConfig& out);
void read_cidrs(MapReader& map, std::string_view key, std::vector<Cidr>& out);

/// What is wrong with a text, or the value.
template <class T>
struct Parse {
  std::optional<T> value;
  std::string wrong;  ///< when there is no value: what is wrong, what would be right
};
[[nodiscard]] Parse<ServerConfig> parse_server(std::string_view text);
[[nodiscard]] std::optional<Cidr> parse_cidr(std::string_view text);

/// Numeric address without a port; IPv6 with or without brackets.
[[nodiscard]] std::optional<SocketAddress> parse_ip(std::string_view text);
/// A DNS name as resolvers take it: labels of letters, digits, - and _.
[[nodiscard]] bool is_dns_name(std::string_view text);

/// All of `text` is a decimal number in the range.
template <std::integral T>
[[nodiscard]] bool parse_number(std::string_view text, std::type_identity_t<T> min,
                                std::type_identity_t<T> max, T& out) {
  T value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    return false;
  out = value;
  return true;
}

/// A host or path key in the form that requests are compared in.
struct NormalKey {
  std::string key;      ///< empty: no request can match it
  std::string warning;  ///< empty: nothing to say
};
[[nodiscard]] NormalKey normalise_host_key(std::string_view text);
[[nodiscard]] NormalKey normalise_path_key(std::string_view text);
/// More segments than the route table can look up (RouteTable::kMaxDepth). An error for whoever
/// reads the key: requests would silently take the route above it.
[[nodiscard]] bool too_deep(std::string_view path_key);

}  // namespace aralez
