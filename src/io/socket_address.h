#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// An address of either family, IPv4 as mapped IPv6 address.
using IpBytes = std::array<std::uint8_t, 16>;

/// `::ffff:0:0/96`, an IPv4 address in fact.
[[nodiscard]] bool is_mapped_v4(const IpBytes& ip) noexcept;
/// What stands for one client where clients are counted: an IPv4 address, or the /64 of an IPv6
/// address, which is what a site hands out to one customer at least.
[[nodiscard]] IpBytes client_network(IpBytes ip) noexcept;

/// As URLs have it: an IPv6 address in brackets, everything else as it is.
[[nodiscard]] std::string bracketed(std::string_view host);
/// `host:port`, the host in brackets where it needs them.
[[nodiscard]] std::string host_and_port(std::string_view host, std::uint16_t port);

/// An IPv4 or IPv6 address with a port.
class SocketAddress {
 public:
  SocketAddress() = default;
  /// Numeric `ip` only, IPv6 with or without brackets.
  [[nodiscard]] static std::optional<SocketAddress> from_ip(std::string_view ip,
                                                            std::uint16_t port);
  /// `1.2.3.4:80` or `[::1]:80`.
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);
  [[nodiscard]] static SocketAddress from_raw(const sockaddr* a, socklen_t len) noexcept;

  [[nodiscard]] const sockaddr* raw() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t length() const noexcept { return length_; }
  [[nodiscard]] int family() const noexcept { return storage_.v4.sin_family; }
  [[nodiscard]] std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;
  /// Without brackets and port; an IPv4-mapped IPv6 address prints as IPv4.
  [[nodiscard]] std::string ip() const;
  /// The same without the heap, in `room`.
  using IpText = std::array<char, INET6_ADDRSTRLEN>;
  [[nodiscard]] std::string_view ip_into(IpText& room) const noexcept;
  /// As parse() reads it.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const noexcept;
  /// One key for both families.
  [[nodiscard]] IpBytes ip_bytes() const noexcept;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
    return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
  }

 private:
  union Storage {
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace aralez
