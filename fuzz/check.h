#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace aralez::fuzz {

/// A property that has to hold for every input. Not assert(): it holds in every build.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken property: %s\n", property);
  std::abort();
}

/// A copy on the heap of exactly this size, so that AddressSanitizer sees a read past its end.
inline std::vector<char> exact(std::string_view text) {
  return {text.begin(), text.end()};
}
inline std::string_view view(const std::vector<char>& bytes) {
  return {bytes.data(), bytes.size()};
}

/// Small, fixed, and the same everywhere: where an input is cut may not depend on the machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed * 2 + 1) {}
  /// 1 to `most`. Pre: most > 0.
  std::size_t roll(std::size_t most) noexcept {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(state_ >> 33) % most + 1;
  }

 private:
  std::uint64_t state_;
};

}  // namespace aralez::fuzz
