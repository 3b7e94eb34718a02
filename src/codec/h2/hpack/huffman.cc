#include "codec/h2/hpack/huffman.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace aralez::h2 {
namespace {

constexpr std::size_t kEos = 256;
constexpr unsigned kLongest = 30;

// Bits of the code of each character and of EOS. The code is canonical, so that these say all:
// codes ascend with their length, and with the character among those of one length.
constexpr std::array<std::uint8_t, kEos + 1> kBits{
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

struct Code {
  std::array<std::uint32_t, kEos + 1> of{};         ///< by character
  std::array<std::uint16_t, kEos + 1> ascending{};  ///< characters in the order of their codes
  /// By length. Codes of so many bits are below `end`, as the first 30 bits of a text.
  std::array<std::uint32_t, kLongest + 1> first{};
  std::array<std::uint32_t, kLongest + 1> end{};
  std::array<std::uint16_t, kLongest + 1> rank{};  ///< of the first, in `ascending`
};
constexpr Code kCode = [] {
  Code c;
  std::uint32_t next = 0;
  std::uint16_t rank = 0;
  for (unsigned bits = 1; bits <= kLongest; ++bits) {
    next <<= 1;
    c.first[bits] = next;
    c.rank[bits] = rank;
    for (std::size_t i = 0; i <= kEos; ++i) {
      if (kBits[i] != bits) continue;
      c.of[i] = next++;
      c.ascending[rank++] = static_cast<std::uint16_t>(i);
    }
    c.end[bits] = next << (kLongest - bits);
  }
  return c;
}();
static_assert(kCode.end[kLongest] == 1U << kLongest, "no bits are left over");

/// What the first eight bits say: nearly always a whole character.
struct Short {
  char character = 0;
  std::uint8_t bits = 0;  ///< 0: more than eight
};
constexpr std::array<Short, 256> kShort = [] {
  std::array<Short, 256> t{};
  for (std::size_t i = 0; i < kEos; ++i) {
    if (kBits[i] > 8) continue;
    const std::size_t from = kCode.of[i] << (8 - kBits[i]);
    for (std::size_t k = 0; k < std::size_t{1} << (8 - kBits[i]); ++k)
      t[from + k] = {static_cast<char>(i), kBits[i]};
  }
  return t;
}();

/// Bits of a text, the next one highest; zeros behind its end.
class BitReader {
 public:
  explicit BitReader(std::string_view in) noexcept : in_(in) {}
  /// Has at least 32 bits at hand, or all.
  void refill() noexcept {
    if (have_ >= 32) return;
    if (in_.size() >= 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, in_.data(), sizeof word);
      if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap32(word);
      bits_ |= static_cast<std::uint64_t>(word) << (32 - have_);
      have_ += 32;
      in_.remove_prefix(4);
      return;
    }
    for (; !in_.empty(); in_.remove_prefix(1), have_ += 8)
      bits_ |= static_cast<std::uint64_t>(static_cast<unsigned char>(in_[0])) << (56 - have_);
  }
  [[nodiscard]] unsigned have() const noexcept { return have_; }
  /// Pre: 0 < n < 64.
  [[nodiscard]] std::uint64_t peek(unsigned n) const noexcept { return bits_ >> (64 - n); }
  /// Pre: n <= have().
  void skip(unsigned n) noexcept {
    bits_ <<= n;
    have_ -= n;
  }

 private:
  std::string_view in_;
  std::uint64_t bits_ = 0;
  unsigned have_ = 0;
};

}  // namespace

std::optional<std::size_t> huffman_decode(std::string_view code, std::span<char> out) noexcept {
  BitReader in(code);
  std::size_t n = 0;
  while (true) {
    in.refill();
    if (const Short s = kShort[in.peek(8)]; s.bits != 0) {
      if (s.bits > in.have()) break;
      out[n++] = s.character;
      in.skip(s.bits);
      continue;
    }
    const auto window = static_cast<std::uint32_t>(in.peek(kLongest));
    unsigned bits = 9;
    while (window >= kCode.end[bits]) ++bits;
    if (bits > in.have()) break;
    const std::size_t rank = kCode.rank[bits] + (window >> (kLongest - bits)) - kCode.first[bits];
    const std::uint16_t character = kCode.ascending[rank];
    if (character == kEos) return std::nullopt;
    out[n++] = static_cast<char>(character);
    in.skip(bits);
  }
  // The beginning of EOS, and less than a byte of it.
  const unsigned rest = in.have();
  if (rest >= 8) return std::nullopt;
  if (rest > 0 && in.peek(rest) != (1U << rest) - 1) return std::nullopt;
  return n;
}

std::size_t huffman_size(std::string_view text) noexcept {
  std::size_t bits = 0;
  for (const char c : text) bits += kBits[static_cast<unsigned char>(c)];
  return (bits + 7) / 8;
}

void huffman_encode(std::string_view text, std::span<std::byte> out) noexcept {
  std::uint64_t bits = 0;  // the newest lowest
  unsigned have = 0;
  std::size_t n = 0;
  for (const char c : text) {
    const auto i = static_cast<unsigned char>(c);
    bits = bits << kBits[i] | kCode.of[i];
    for (have += kBits[i]; have >= 8; have -= 8)
      out[n++] = static_cast<std::byte>(bits >> (have - 8) & 0xff);
  }
  if (have > 0) out[n] = static_cast<std::byte>((bits << (8 - have) | 0xffU >> have) & 0xff);
}

}  // namespace aralez::h2
