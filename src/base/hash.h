#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace aralez {

/// Keyed 64-bit hash for tables in memory (threats row 35). Incremental by bytes: feeding a prefix
/// and then the rest gives the hash of the whole, which is what the longest-prefix lookup needs.
/// Not for secrets.
class KeyedHash {
 public:
  explicit constexpr KeyedHash(std::uint64_t key) noexcept : state_(key ^ 0x9e3779b97f4a7c15ULL) {}

  constexpr void add(char c) noexcept {
    state_ = fold(state_ ^ static_cast<unsigned char>(c), 0xd6e8feb86659fd93ULL);
  }
  constexpr void add(std::string_view s) noexcept {
    for (char c : s) add(c);
  }
  /// Of a whole text at once: eight bytes at a time, and not what add() gives.
  [[nodiscard]] static std::uint64_t of(std::uint64_t key, std::string_view s) noexcept {
    std::uint64_t h = key ^ 0x9e3779b97f4a7c15ULL ^ s.size();
    const char* p = s.data();
    for (std::size_t n = s.size(); n > 0;) {
      std::uint64_t word = 0;
      const std::size_t k = n < 8 ? n : 8;
      if (k == 8)
        std::memcpy(&word, p, 8);
      else
        for (std::size_t i = 0; i < k; ++i)
          word |= static_cast<std::uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
      h = fold(h ^ word, 0xd6e8feb86659fd93ULL);
      p += k;
      n -= k;
    }
    return fold(h ^ 0xa0761d6478bd642fULL, 0xe7037ed1a0b428dbULL);
  }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept {
    return fold(state_ ^ 0xa0761d6478bd642fULL, 0xe7037ed1a0b428dbULL);
  }

 private:
  static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide m = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(m) ^ static_cast<std::uint64_t>(m >> 64);
  }
  std::uint64_t state_;
};

}  // namespace aralez
