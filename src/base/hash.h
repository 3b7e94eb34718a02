#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace aralez {

/// Keyed 64-bit hash for tables in memory (threats row 35). Incremental by chunks: the same chunks
/// in the same order give the same value. Not for secrets.
class KeyedHash {
 public:
  explicit constexpr KeyedHash(std::uint64_t key) noexcept : state_(key ^ 0x9e3779b97f4a7c15ULL) {}

  void add(std::string_view chunk) noexcept {
    std::uint64_t h = state_;
    const char* p = chunk.data();
    std::size_t n = chunk.size();
    for (; n >= 8; p += 8, n -= 8) h = fold(h ^ load<std::uint64_t>(p), kFactor);
    // The rest by loads that may overlap; the size tells apart what they read alike.
    std::uint64_t rest = 0;
    if (n >= 4)
      rest = load<std::uint32_t>(p) ^ (load<std::uint32_t>(p + n - 4) << 32);
    else if (n > 0)
      rest = load<std::uint8_t>(p) ^ (load<std::uint8_t>(p + n / 2) << 8) ^
             (load<std::uint8_t>(p + n - 1) << 16);
    state_ = fold(h ^ rest, kFactor + 2 * chunk.size());
  }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept {
    return fold(state_ ^ 0xa0761d6478bd642fULL, 0xe7037ed1a0b428dbULL);
  }
  [[nodiscard]] static std::uint64_t of(std::uint64_t key, std::string_view s) noexcept {
    KeyedHash h(key);
    h.add(s);
    return h.value();
  }

 private:
  static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide m = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(m) ^ static_cast<std::uint64_t>(m >> 64);
  }
  template <class Word>
  static std::uint64_t load(const char* p) noexcept {
    Word w = 0;
    std::memcpy(&w, p, sizeof w);
    return w;
  }
  static constexpr std::uint64_t kFactor = 0xd6e8feb86659fd93ULL;
  std::uint64_t state_;
};

}  // namespace aralez
