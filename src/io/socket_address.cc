#include "io/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace aralez {

bool is_mapped_v4(const IpBytes& ip) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(ip.data(), kMapped.data(), kMapped.size()) == 0;
}

IpBytes client_network(IpBytes ip) noexcept {
  if (!is_mapped_v4(ip)) std::fill(ip.begin() + 8, ip.end(), std::uint8_t{0});
  return ip;
}

std::optional<SocketAddress> SocketAddress::from_ip(std::string_view ip, std::uint16_t port) {
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  IpText text{};  // with its end
  if (ip.size() >= text.size()) return std::nullopt;
  std::copy(ip.begin(), ip.end(), text.begin());
  if (ip.find('\0') != std::string_view::npos) return std::nullopt;
  SocketAddress a;
  if (::inet_pton(AF_INET, text.data(), &a.storage_.v4.sin_addr) == 1) {
    a.storage_.v4.sin_family = AF_INET;
    a.length_ = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, text.data(), &a.storage_.v6.sin6_addr) == 1) {
    a.storage_.v6.sin6_family = AF_INET6;
    a.length_ = sizeof(sockaddr_in6);
  } else {
    return std::nullopt;
  }
  a.set_port(port);
  return a;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto ip = text.substr(0, colon);
  if (ip.find(':') != std::string_view::npos && (ip.front() != '[' || ip.back() != ']'))
    return std::nullopt;
  const auto port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, ec] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (ec != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
  return from_ip(ip, port);
}

SocketAddress SocketAddress::from_raw(const sockaddr* a, socklen_t len) noexcept {
  SocketAddress out;
  out.length_ = std::min<socklen_t>(len, sizeof out.storage_);
  std::memcpy(&out.storage_, a, out.length_);
  return out;
}

std::uint16_t SocketAddress::port() const noexcept {
  return ntohs(family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

void SocketAddress::set_port(std::uint16_t port) noexcept {
  if (family() == AF_INET6)
    storage_.v6.sin6_port = htons(port);
  else
    storage_.v4.sin_port = htons(port);
}

IpBytes SocketAddress::ip_bytes() const noexcept {
  IpBytes out{};
  if (family() == AF_INET6) {
    std::memcpy(out.data(), &storage_.v6.sin6_addr, 16);
  } else {
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &storage_.v4.sin_addr, 4);
  }
  return out;
}

std::string_view SocketAddress::ip_into(IpText& room) const noexcept {
  const IpBytes bytes = ip_bytes();
  const bool v4 = is_mapped_v4(bytes);
  return ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? 12 : 0), room.data(),
                     static_cast<socklen_t>(room.size()));
}

std::string SocketAddress::ip() const {
  IpText room{};
  return std::string(ip_into(room));
}

std::string SocketAddress::to_string() const {
  return host_and_port(ip(), port());
}

std::string bracketed(std::string_view host) {
  const bool v6 = host.contains(':');
  return v6 ? "[" + std::string(host) + "]" : std::string(host);
}

std::string host_and_port(std::string_view host, std::uint16_t port) {
  return bracketed(host) + ":" + std::to_string(port);
}

bool SocketAddress::is_loopback() const noexcept {
  const auto b = ip_bytes();
  if (is_mapped_v4(b)) return b[12] == 127;
  return std::all_of(b.begin(), b.end() - 1, [](auto x) { return x == 0; }) && b[15] == 1;
}

}  // namespace aralez
