#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "io/socket_address.h"

namespace aralez {

/// What a proxy in front says of a connection before its first byte: the PROXY protocol, versions 1
/// and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
struct ProxyHeader {
  enum class State : std::uint8_t { incomplete, malformed, complete };

  State state = State::incomplete;
  std::size_t size = 0;  ///< bytes of the header, when it is complete
  /// None when the connection is the proxy's own (LOCAL) or its client has no address of IP:
  /// whoever connects is the client then.
  std::optional<SocketAddress> client = std::nullopt;
  std::string_view why = {};  ///< when it is malformed

  /// More than this is refused, whatever the length field says (threats row 31). TLVs of a proxy
  /// that passes on certificates may take a kilobyte or two.
  static constexpr std::size_t kMaxSize = 4096;
};

/// `bytes` are the first ones of a connection. What cannot become a header any more is malformed at
/// once.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view bytes) noexcept;

}  // namespace aralez
