#include "control/build/own_routes.h"

#include <fmt/format.h>
#include <ifaddrs.h>

#include <algorithm>
#include <memory>

namespace aralez {
namespace {

struct FreeInterfaces {
  void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};

bool is_any(const SocketAddress& a) {
  const std::string ip = a.ip();
  return ip == "0.0.0.0" || ip == "::";
}

bool is_of_this_machine(const SocketAddress& a) {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return false;
  const std::unique_ptr<ifaddrs, FreeInterfaces> list(raw);
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    const int family = i->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (SocketAddress::from_raw(i->ifa_addr, size).ip_bytes() == a.ip_bytes()) return true;
  }
  return false;
}

/// The key of the listener of the API that a connection to `server` ends at; empty: at none.
std::string_view api_address(const ServerConfig& server, const MainConfig& main) {
  if (leads_to(server, main.config_address)) return "config_address";
  if (main.config_tls_address && leads_to(server, *main.config_tls_address))
    return "config_tls_address";
  return {};
}

/// The same of the listeners for clients.
std::string_view proxy_address(const ServerConfig& server, const MainConfig& main) {
  if (leads_to(server, main.proxy_address_http)) return "proxy_address_http";
  if (main.proxy_address_tls && leads_to(server, *main.proxy_address_tls))
    return "proxy_address_tls";
  return {};
}

void warn_of(const ServerConfig& server, const std::string& route, const MainConfig& main,
             Diagnostics& diagnostics) {
  if (const auto key = api_address(server, main); !key.empty())
    diagnostics.warning(server.source, "servers",
                        fmt::format("{} leads to {}, the API; nothing but "
                                    "/.well-known/acme-challenge/ is let through to it",
                                    route, key));
  if (const auto key = proxy_address(server, main); !key.empty())
    diagnostics.warning(server.source, "servers",
                        fmt::format("{} leads to {}, this proxy itself; what comes by the route "
                                    "again is answered 508; write the address of a server",
                                    route, key));
}

}  // namespace

bool leads_to(const ServerConfig& server, const SocketAddress& listener) {
  if (server.port != listener.port()) return false;
  const bool local_name = server.host == "localhost" || server.host.ends_with(".localhost");
  const auto address = SocketAddress::from_ip(server.host, server.port);
  // To connect to "any" is to connect to oneself.
  const bool loopback = local_name || (address && (address->is_loopback() || is_any(*address)));
  if (is_any(listener)) return loopback || (address && is_of_this_machine(*address));
  if (listener.is_loopback() && (local_name || (address && is_any(*address)))) return true;
  return address && address->ip_bytes() == listener.ip_bytes();
}

bool leads_to_api(const PathConfig& path, const MainConfig& main) {
  return std::any_of(path.servers.begin(), path.servers.end(),
                     [&main](const ServerConfig& s) { return !api_address(s, main).empty(); });
}

bool leads_to_proxy(const PathConfig& path, const MainConfig& main) {
  return std::any_of(path.servers.begin(), path.servers.end(),
                     [&main](const ServerConfig& s) { return !proxy_address(s, main).empty(); });
}

void warn_of_own_routes(const UpstreamsConfig& upstreams, const MainConfig& main,
                        Diagnostics& diagnostics) {
  for (const HostConfig& host : upstreams.hosts)
    for (const PathConfig& path : host.paths)
      for (const ServerConfig& server : path.servers)
        warn_of(server, host.host + path.path, main, diagnostics);
}

}  // namespace aralez
