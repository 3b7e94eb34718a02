#include "io/cidr.h"

#include <algorithm>

namespace aralez {
namespace {

/// Prefix length within the 16-byte form, in which IPv4 is mapped.
std::uint32_t mapped_bits(const Cidr& cidr) {
  return cidr.prefix + (cidr.address.family() == AF_INET ? 96 : 0);
}

/// `bytes` with all bits from `bits` on as in `fill`, 0x00 or 0xff.
IpBytes filled(IpBytes bytes, std::uint32_t bits, std::uint8_t fill) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto begin = static_cast<std::uint32_t>(i * 8);
    const std::uint32_t kept = begin >= bits ? 0 : std::min<std::uint32_t>(bits - begin, 8);
    const auto rest = static_cast<std::uint8_t>(0xff >> kept);
    bytes[i] = static_cast<std::uint8_t>((bytes[i] & ~rest) | (fill & rest));
  }
  return bytes;
}

}  // namespace

bool Cidr::exact() const noexcept {
  const IpBytes bytes = address.ip_bytes();
  return filled(bytes, mapped_bits(*this), 0) == bytes;
}

AddressSet::AddressSet(std::span<const Cidr> blocks) {
  for (const Cidr& block : blocks) {
    const IpBytes bytes = block.address.ip_bytes();
    const std::uint32_t bits = mapped_bits(block);
    Ranges& ranges = bits >= 96 && is_mapped_v4(bytes) ? v4_ : v6_;
    ranges.push_back({filled(bytes, bits, 0), filled(bytes, bits, 0xff)});
  }
  merge(v4_);
  merge(v6_);
}

void AddressSet::merge(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  for (const Range& r : ranges) {
    if (out.empty() || out.back().last < r.first)
      out.push_back(r);
    else
      out.back().last = std::max(out.back().last, r.last);
  }
  ranges = std::move(out);
}

bool AddressSet::contains(const Ranges& ranges, const IpBytes& address) noexcept {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](const IpBytes& a, const Range& r) { return a < r.first; });
  return behind != ranges.begin() && address <= std::prev(behind)->last;
}

bool AddressSet::contains(const IpBytes& address) const noexcept {
  return contains(is_mapped_v4(address) ? v4_ : v6_, address);
}

}  // namespace aralez
