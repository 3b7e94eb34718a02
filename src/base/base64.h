#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aralez {

/// RFC 4648: section 4 with padding, or section 5 (base64url) without, as JSON Web Signatures have
/// it.
enum class Base64 : std::uint8_t { standard, url };

/// Bytes that `text` can decode to at most.
[[nodiscard]] constexpr std::size_t base64_room(std::size_t text) noexcept {
  return text / 4 * 3 + 3;
}

/// Writes the four characters of each three bytes, padded. Pre: `out` has room for all of them.
void encode_base64(std::span<const std::byte> in, char* out) noexcept;
[[nodiscard]] std::string encode_base64url(std::string_view in);

/// How many bytes were decoded into `out`; nothing when `text` is not the one encoding of some
/// bytes: foreign characters, wrong padding, and bits that nobody reads are refused. Takes the same
/// way for every character, so its time tells nothing but the length.
/// Pre: `out` has base64_room(text.size()).
[[nodiscard]] std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> out,
                                                       Base64 kind) noexcept;
/// The same into a string of its own.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text, Base64 kind);

}  // namespace aralez
