#include "io/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace aralez {

std::optional<SocketAddress> SocketAddress::from_ip(std::string_view ip, std::uint16_t port) {
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  const std::string text(ip);
  SocketAddress a;
  if (::inet_pton(AF_INET, text.c_str(), &a.storage_.v4.sin_addr) == 1) {
    a.storage_.v4.sin_family = AF_INET;
    a.length_ = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, text.c_str(), &a.storage_.v6.sin6_addr) == 1) {
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

std::array<std::uint8_t, 16> SocketAddress::ip_bytes() const noexcept {
  std::array<std::uint8_t, 16> out{};
  if (family() == AF_INET6) {
    std::memcpy(out.data(), &storage_.v6.sin6_addr, 16);
  } else {
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &storage_.v4.sin_addr, 4);
  }
  return out;
}

std::string SocketAddress::ip() const {
  std::array<char, INET6_ADDRSTRLEN> buf{};
  const auto bytes = ip_bytes();
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
    ::inet_ntop(AF_INET, bytes.data() + 12, buf.data(), buf.size());
  } else {
    ::inet_ntop(AF_INET6, bytes.data(), buf.data(), buf.size());
  }
  return buf.data();
}

std::string SocketAddress::to_string() const {
  const std::string host = ip();
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

bool SocketAddress::is_loopback() const noexcept {
  const auto b = ip_bytes();
  if (b[10] == 0xff && b[11] == 0xff) return b[12] == 127;
  return std::all_of(b.begin(), b.end() - 1, [](auto x) { return x == 0; }) && b[15] == 1;
}

}  // namespace aralez
