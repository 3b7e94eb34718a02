#pragma once

#include "http/request_context.h"
#include "io/cidr.h"

namespace aralez {

/// How many addresses of X-Forwarded-For are looked at, from its end. Chains of proxies are short;
/// long ones are made to cost.
inline constexpr std::size_t kMaxForwardedHops = 32;

/// Who asks, when a peer asks that is a trusted proxy: the last address in X-Forwarded-For that is
/// not (behaviour section 21), or the first if all are. What cannot be read ends the search, and
/// the one before it is the client: whoever wrote that is known at least. Whether the client used
/// TLS is what X-Forwarded-Proto says, if it says one thing.
///
/// `connection` is the ClientInfo of the peer, with `trusted`; texts are in `arena`.
[[nodiscard]] ClientInfo client_behind(const ClientInfo& connection, const Fields& request,
                                       Arena& arena);

}  // namespace aralez
