#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace aralez {

/// For protocols that ask for it, such as WebSocket (RFC 6455); not a proof of anything.
[[nodiscard]] std::array<std::byte, 20> sha1(std::string_view text);

using Sha256 = std::array<std::byte, 32>;
/// Of all parts, one behind the other. Any thread; allocates only the first time on a thread.
[[nodiscard]] Sha256 sha256(std::initializer_list<std::string_view> parts);

/// RFC 2104 with SHA-256. The result is as secret as `key` where it is a key itself.
[[nodiscard]] Sha256 hmac_sha256(std::string_view key, std::string_view text);

[[nodiscard]] inline std::string_view as_text(const Sha256& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace aralez
