#include "control/schema/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/block.h"
#include "http/uri.h"
#include "route/route_table.h"
#include "tls/client_context.h"

namespace aralez {
namespace {

constexpr std::string_view kBlanks = " \t";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kBlanks) - first + 1);
}

struct HostPort {
  std::string_view host;
  std::string_view port;
};

/// Splits at the last colon. nullopt without one.
std::optional<HostPort> split_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return std::nullopt;
  return HostPort{text.substr(0, colon), text.substr(colon + 1)};
}

/// A hint for an address that is not IP:port.
std::string address_hint(std::string_view text) {
  const auto parts = split_port(text);
  std::uint16_t port = 0;
  if (!parts || !parse_number<std::uint16_t>(parts->port, 0, 65535, port))
    return "IP:port, for example 0.0.0.0:8080";
  if (parts->host.empty() || parts->host == "*")
    return fmt::format("0.0.0.0:{0} or \"[::]:{0}\"", port);
  if (parts->host == "localhost") return fmt::format("127.0.0.1:{}", port);
  if (parse_ip(parts->host)) return fmt::format("\"[{}]:{}\"", parts->host, port);
  return fmt::format("an IP address in place of the name, for example 0.0.0.0:{}", port);
}

ServerConfig::Scheme take_scheme(std::string_view& text, std::string& wrong) {
  using enum ServerConfig::Scheme;
  const auto end = text.find("://");
  if (end == std::string_view::npos) return detect;
  const std::string name = lower(text.substr(0, end));
  text.remove_prefix(end + 3);
  if (name == "http") return http;
  if (name == "https") return https;
  if (name == "h2c") return h2c;
  wrong = fmt::format("unknown scheme; write http://, https://, h2c:// or none");
  return detect;
}

std::string no_port_hint(std::string_view text) {
  if (text.empty()) return "empty; write host:port";
  return fmt::format("{} has no port; write \"{}:8080\"", shown(text),
                     text.find('@') == std::string_view::npos ? text : "host");
}

}  // namespace

std::optional<SocketAddress> parse_ip(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    if (text.find(':') == std::string_view::npos) return std::nullopt;  // brackets are for IPv6
  }
  const bool shape = std::all_of(text.begin(), text.end(),
                                 [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
  if (!shape || text.empty()) return std::nullopt;
  return SocketAddress::from_ip(text, 0);
}

bool is_dns_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  bool all_numeric = true;
  for (std::string_view rest = text;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    const bool ok =
        !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
        std::all_of(label.begin(), label.end(), [](char c) {
          return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
        });
    if (!ok) return false;
    all_numeric = std::all_of(label.begin(), label.end(), is_digit);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return !all_numeric;  // a last label of digits is a mistyped address, never a name
}

void read_address(MapReader& map, std::string_view key, std::optional<SocketAddress>& out) {
  const Node* const node = map.get(key);
  std::uint16_t alone = 0;
  if (node != nullptr && node->is_scalar() &&
      parse_number<std::uint16_t>(node->text(), 0, 65535, alone))
    return map.diagnostics().error(node->source(), key,
                                   fmt::format("{} is a port alone; write {}", node->text(),
                                               address_hint(":" + node->text())));
  std::string text;
  map.text(key, text);
  if (text.empty()) {
    if (node != nullptr && node->is_scalar() && node->text().empty())
      map.diagnostics().error(node->source(), key,
                              "empty; write IP:port, for example 0.0.0.0:8080");
    return;
  }
  const auto parts = split_port(text);
  std::uint16_t port = 0;
  if (parts && parse_number<std::uint16_t>(parts->port, 0, 65535, port)) {
    auto address = parse_ip(parts->host);
    const bool bare_v6 = address && address->family() == AF_INET6 && !parts->host.starts_with('[');
    if (address && !bare_v6) {
      address->set_port(port);
      out = *address;
      return;
    }
  }
  map.diagnostics().error(
      map.at(key), key,
      fmt::format("{} is not IP:port; write {}", shown(text), address_hint(text)));
}

void read_source_addresses(MapReader& map, std::string_view key, int family,
                           std::vector<SocketAddress>& out) {
  const Node* node = map.get(key);
  if (node == nullptr) return;
  for (const TextItem& item : decode_list({*node, key}, map.diagnostics())) {
    const auto address = parse_ip(item.text);
    if (address && address->family() == family) {
      out.push_back(*address);
    } else {
      map.diagnostics().error(item.source, item.key,
                              fmt::format("{} is not an {} address; write {}", shown(item.text),
                                          family == AF_INET ? "IPv4" : "IPv6",
                                          family == AF_INET ? "\"192.0.2.1\"" : "\"2001:db8::1\""));
    }
  }
}

void read_ca_file(MapReader& map, std::string& out, std::string_view key) {
  map.text(key, out);
  if (out.empty()) return;
  if (const std::string wrong = check_ca_file(out); !wrong.empty())
    map.diagnostics().error(map.at(key), key, fmt::format("{} {}", shown(out), wrong));
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint32_t longest = address->family() == AF_INET ? 32 : 128;
  Cidr out{*address, longest};
  if (slash != std::string_view::npos &&
      !parse_number<std::uint32_t>(text.substr(slash + 1), 0, longest, out.prefix))
    return std::nullopt;
  return out;
}

void read_cidrs(MapReader& map, std::string_view key, std::vector<Cidr>& out) {
  const Node* node = map.get(key);
  if (node == nullptr) return;
  for (const TextItem& item : decode_list({*node, key}, map.diagnostics())) {
    const auto cidr = parse_cidr(trimmed(item.text));
    if (!cidr) {
      map.diagnostics().error(
          item.source, item.key,
          fmt::format("{} is not an address block; write \"10.0.0.0/8\" or \"2001:db8::/32\"",
                      shown(item.text)));
      continue;
    }
    if (!cidr->exact())
      map.diagnostics().warning(
          item.source, item.key,
          fmt::format("bits behind the prefix are set; {} of them count", cidr->prefix));
    out.push_back(*cidr);
  }
}

Parse<ServerConfig> parse_server(std::string_view text) {
  text = trimmed(text);
  ServerConfig out;
  std::string wrong;
  out.scheme = take_scheme(text, wrong);
  if (!wrong.empty()) return {{}, wrong};
  if (text.find_first_of("/?#@") != std::string_view::npos)
    return {{}, "holds more than host and port; write host:port"};
  const auto parts = split_port(text);
  if (!parts) return {{}, no_port_hint(text)};
  if (!parse_number<std::uint16_t>(parts->port, 1, 65535, out.port))
    return {{},
            fmt::format("{} does not end in a port from 1 to 65535; write host:port", shown(text))};
  if (parts->host.empty()) return {{}, fmt::format("{} has no host; write host:port", shown(text))};
  if (const auto address = parse_ip(parts->host)) {
    out.host = address->ip();
  } else if (is_dns_name(parts->host)) {
    out.host = lower(parts->host);
  } else if (parts->host.find(':') != std::string_view::npos) {
    return {{}, fmt::format("{} is not IPv6:port; write \"[2001:db8::1]:8080\"", shown(text))};
  } else {
    return {
        {},
        fmt::format("{} is neither an address nor a name; write host:port", shown(parts->host))};
  }
  return {std::move(out), {}};
}

NormalKey normalise_host_key(std::string_view text) {
  if (text == "DEFAULT") return {"DEFAULT", {}};
  BlockPool pool(1);
  Arena arena(pool);
  const bool bare_ipv6 = !text.starts_with('[') && text.contains(':') && parse_ip(text);
  const std::string host = bare_ipv6 ? bracketed(text) : std::string(text);
  const auto authority = parse_authority(host, arena);
  if (!authority || authority->host.empty())
    return {{},
            "no request can name this host, the block has no effect; write a host name, an address "
            "or DEFAULT"};
  NormalKey out{std::string(authority->host), {}};
  if (!authority->port.empty())
    out.warning = "ports take no part in matching, this one is dropped; write the host alone";
  else if (out.key == "default")
    out.warning = "matches only a host of that name; the catch-all is DEFAULT, in capitals";
  else if (out.key.find('*') != std::string::npos)
    out.warning =
        "there are no wildcards, this matches a literal * only; list the hosts or use DEFAULT";
  return out;
}

NormalKey normalise_path_key(std::string_view text) {
  if (text.empty()) return {"/", "empty; write \"/\""};
  if (!text.starts_with('/'))
    return {{},
            "no request can match a path without a leading slash, the block has no effect; write "
            "\"/...\""};
  if (text.find_first_of("?#") != std::string_view::npos)
    return {{},
            "the query takes no part in matching, the block has no effect; write the path alone"};
  BlockPool pool(1);
  Arena arena(pool);
  const auto target = normalise_target(text, arena);
  if (!target)
    return {{},
            "no request can match this path, the block has no effect; check its percent-encoding"};
  NormalKey out{std::string(target->match), {}};
  if (text.find('*') != std::string_view::npos)
    out.warning = "there are no wildcards, this matches a literal * only";
  else if (out.key != text)
    out.warning = fmt::format("requests are matched in their normal form, {}", shown(out.key));
  return out;
}

bool too_deep(std::string_view path_key) {
  return static_cast<std::size_t>(std::count(path_key.begin(), path_key.end(), '/')) >
         RouteTable::kMaxDepth;
}

}  // namespace aralez
