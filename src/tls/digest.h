#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace aralez {

/// For protocols that ask for it, such as WebSocket (RFC 6455); not a proof of anything.
[[nodiscard]] std::array<std::byte, 20> sha1(std::string_view text);

/// RFC 2104 with SHA-256. The result is as secret as `key` where it is a key itself.
[[nodiscard]] std::array<std::byte, 32> hmac_sha256(std::string_view key, std::string_view text);

}  // namespace aralez
