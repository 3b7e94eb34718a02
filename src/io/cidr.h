#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "io/socket_address.h"

namespace aralez {

/// An address block: `10.0.0.0/8`, `::1`.
struct Cidr {
  SocketAddress address;     ///< port 0; bits behind the prefix do not count
  std::uint32_t prefix = 0;  ///< 0..32 or 0..128

  /// No bit behind the prefix is set.
  [[nodiscard]] bool exact() const noexcept;
};

/// The addresses of many blocks, looked up in logarithmic time. `::/0` means IPv6, not the IPv4
/// addresses mapped into it.
class AddressSet {
 public:
  AddressSet() = default;
  explicit AddressSet(std::span<const Cidr> blocks);

  [[nodiscard]] bool empty() const noexcept { return v4_.empty() && v6_.empty(); }
  [[nodiscard]] bool contains(const IpBytes& address) const noexcept;

 private:
  struct Range {
    IpBytes first;
    IpBytes last;
    friend auto operator<=>(const Range&, const Range&) = default;
  };
  using Ranges = std::vector<Range>;  ///< in order, none meets another

  static void merge(Ranges& ranges);
  [[nodiscard]] static bool contains(const Ranges& ranges, const IpBytes& address) noexcept;

  Ranges v4_;
  Ranges v6_;
};

}  // namespace aralez
