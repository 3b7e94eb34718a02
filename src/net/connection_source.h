#pragma once

#include <optional>

#include "io/cidr.h"

namespace aralez {

/// Which proxies in front are heard (behaviour section 21). Fixed for the life of the process.
struct FrontProxies {
  AddressSet trusted;         ///< `trusted_proxies`: their X-Forwarded-* are believed
  AddressSet proxy_protocol;  ///< begin each connection with a PROXY header, and nobody else may
};

/// Where a client connection comes from.
struct ConnectionSource {
  SocketAddress client;                 ///< whoever connects, or whom its PROXY header names
  const AddressSet* trusted = nullptr;  ///< as ClientInfo::trusted
  bool peer_loopback = false;           ///< of whoever connects
  bool proxied = false;                 ///< a PROXY header names the client

  /// `named`: the client of a PROXY header, if there is one.
  [[nodiscard]] static ConnectionSource of(const SocketAddress& peer, const FrontProxies& front,
                                           const std::optional<SocketAddress>& named = {}) {
    const SocketAddress& client = named ? *named : peer;
    return {.client = client,
            .trusted = front.trusted.contains(client.ip_bytes()) ? &front.trusted : nullptr,
            .peer_loopback = peer.is_loopback(),
            .proxied = named.has_value()};
  }
};

}  // namespace aralez
