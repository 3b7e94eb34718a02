#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace aralez::h2 {

inline constexpr std::size_t kWebSocketKey = 24;

/// Sec-WebSocket-Key for a server that speaks HTTP/1.1: a client that came by RFC 8441 has none.
/// `state` is what is left of the randomness it was seeded with.
void make_websocket_key(std::uint64_t& state, std::span<char, kWebSocketKey> out);
/// What the server has to answer to it (RFC 6455 section 4.2.2).
[[nodiscard]] std::array<char, 28> websocket_accept(std::string_view key);

}  // namespace aralez::h2
