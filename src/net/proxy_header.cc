#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace aralez {
namespace {

using namespace std::string_view_literals;

constexpr auto kFirst = "PROXY "sv;
constexpr auto kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kMaxLine = 107;  ///< of version 1, with CRLF
constexpr std::size_t kFixed = 16;     ///< of version 2: signature, command, family, length

constexpr ProxyHeader malformed(std::string_view why) {
  return {.state = ProxyHeader::State::malformed, .why = why};
}
ProxyHeader complete(std::size_t size, std::optional<SocketAddress> client) {
  return {.state = ProxyHeader::State::complete, .size = size, .client = client};
}

/// Up to the next blank, which is dropped too.
std::string_view take_word(std::string_view& line) {
  const auto blank = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return word;
}

bool is_port(std::string_view text, std::uint16_t& port) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc{} && end == text.data() + text.size();
}

std::optional<SocketAddress> address_of(std::string_view ip, int family, std::string_view port) {
  std::uint16_t number = 0;
  if (!is_port(port, number) || ip.starts_with('[')) return std::nullopt;
  const auto address = SocketAddress::from_ip(ip, number);
  if (!address || address->family() != family) return std::nullopt;
  return address;
}

ProxyHeader parse_line(std::string_view bytes) {
  const auto cr = bytes.substr(0, kMaxLine).find('\r');
  if (cr == std::string_view::npos || cr + 1 == bytes.size()) {
    if (bytes.size() >= kMaxLine) return malformed("line of version 1 has no end");
    return {};
  }
  if (bytes[cr + 1] != '\n' || cr + 2 > kMaxLine) return malformed("line of version 1 has no end");
  std::string_view line = bytes.substr(kFirst.size(), cr - kFirst.size());
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return complete(cr + 2, std::nullopt);
  if (family != "TCP4" && family != "TCP6") return malformed("unknown family in version 1");
  const int wanted = family == "TCP4" ? AF_INET : AF_INET6;
  const auto source_ip = take_word(line);
  const auto destination_ip = take_word(line);
  const auto source_port = take_word(line);
  // What is left is the last word: a blank in it, or behind it, is no port.
  const auto source = address_of(source_ip, wanted, source_port);
  if (!source || !address_of(destination_ip, wanted, line))
    return malformed("addresses of version 1 cannot be read");
  return complete(cr + 2, source);
}

SocketAddress ipv4_of(std::string_view addresses) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  std::memcpy(&a.sin_addr, addresses.data(), 4);
  std::memcpy(&a.sin_port, addresses.data() + 8, 2);
  return SocketAddress::from_raw(reinterpret_cast<const sockaddr*>(&a), sizeof a);
}

SocketAddress ipv6_of(std::string_view addresses) {
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  std::memcpy(&a.sin6_addr, addresses.data(), 16);
  std::memcpy(&a.sin6_port, addresses.data() + 32, 2);
  return SocketAddress::from_raw(reinterpret_cast<const sockaddr*>(&a), sizeof a);
}

std::uint8_t byte_at(std::string_view s, std::size_t i) {
  return static_cast<std::uint8_t>(s[i]);
}

ProxyHeader parse_binary(std::string_view bytes) {
  enum Family : std::uint8_t { unspec, inet, inet6, unix_socket };
  constexpr std::array<std::size_t, 4> kAddressBytes{0, 12, 36, 216};
  if (bytes.size() > 12 && byte_at(bytes, 12) >> 4U != 2)
    return malformed("unknown version behind the signature of version 2");
  if (bytes.size() > 12 && (byte_at(bytes, 12) & 0xfU) > 1)
    return malformed("unknown command in version 2");
  if (bytes.size() < kFixed) return {};
  const bool local = (byte_at(bytes, 12) & 0xfU) == 0;
  const std::size_t size = kFixed + (std::size_t{byte_at(bytes, 14)} << 8U | byte_at(bytes, 15));
  if (size > ProxyHeader::kMaxSize) return malformed("header of version 2 exceeds the limit");
  const std::uint8_t family = byte_at(bytes, 13) >> 4U;
  // The addresses of a LOCAL connection are to be skipped, whatever they are.
  if (!local) {
    if (family > unix_socket || (byte_at(bytes, 13) & 0xfU) > 2)
      return malformed("unknown family in version 2");
    if (size - kFixed < kAddressBytes[family])
      return malformed("header of version 2 is shorter than its addresses");
  }
  if (bytes.size() < size) return {};
  const auto addresses = bytes.substr(kFixed);
  if (!local && family == inet) return complete(size, ipv4_of(addresses));
  if (!local && family == inet6) return complete(size, ipv6_of(addresses));
  return complete(size, std::nullopt);
}

/// The bytes there are do not contradict the beginning of such a header.
bool may_begin(std::string_view bytes, std::string_view beginning) {
  const auto n = std::min(bytes.size(), beginning.size());
  return bytes.substr(0, n) == beginning.substr(0, n);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) noexcept {
  if (bytes.empty()) return {};
  if (may_begin(bytes, kFirst))
    return bytes.size() < kFirst.size() ? ProxyHeader{} : parse_line(bytes);
  if (may_begin(bytes, kSignature))
    return bytes.size() < kSignature.size() ? ProxyHeader{} : parse_binary(bytes);
  return malformed("connection does not begin with a PROXY header");
}

}  // namespace aralez
