#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace aralez::h2 {

/// The string code of RFC 7541 section 5.2 and appendix B.

/// Most characters that `bytes` of code stand for: the shortest code has five bits.
[[nodiscard]] constexpr std::size_t huffman_bound(std::size_t bytes) noexcept {
  return bytes * 8 / 5;
}
/// How many characters `code` stood for; none: it is malformed, by EOS or by its padding.
/// Pre: `out` has room for huffman_bound(code.size()).
[[nodiscard]] std::optional<std::size_t> huffman_decode(std::string_view code,
                                                        std::span<char> out) noexcept;

/// Bytes that huffman_encode() writes.
[[nodiscard]] std::size_t huffman_size(std::string_view text) noexcept;
/// Pre: `out` has room for huffman_size(text).
void huffman_encode(std::string_view text, std::span<std::byte> out) noexcept;

}  // namespace aralez::h2
