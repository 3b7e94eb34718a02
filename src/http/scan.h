#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace aralez {

namespace scan_detail {
/// Scalar rule: a byte that may stand in a field value (RFC 9110 section 5.5).
constexpr bool value_byte(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 0x20 && u != 0x7f) || u == '\t';
}
/// Scalar rule of a request target.
constexpr bool target_byte(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7f && c != '#';
}
/// Continues a scan; the widest variant this CPU has, chosen once at start.
[[nodiscard]] std::size_t value_end_wide(const char* p, std::size_t from, std::size_t n) noexcept;

struct Variant {
  std::string_view name;
  std::size_t (*scan)(const char* p, std::size_t from, std::size_t n) noexcept;
};
/// Those that this CPU can run, the widest last. Each may be called by itself.
[[nodiscard]] std::span<const Variant> variants() noexcept;
}  // namespace scan_detail

/// Index of the first byte of `s` that may not stand in a field value, or its size.
[[nodiscard]] inline std::size_t value_end(std::string_view s) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  // Most values end within the first sixteen bytes.
  if (s.size() >= 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.data()));
    const __m128i low =
        _mm_cmplt_epi8(_mm_xor_si128(x, _mm_set1_epi8(-128)), _mm_set1_epi8(0x20 - 128));
    const __m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
    const int bad = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
    if (bad != 0) return static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(bad)));
    return scan_detail::value_end_wide(s.data(), 16, s.size());
  }
#endif
  while (i < s.size() && scan_detail::value_byte(s[i])) ++i;
  return i;
}

namespace scan_detail {
#if defined(__SSE2__)
/// Length of the run at the front that `good` has all bits set for, as far as blocks of sixteen go.
template <class Good>
[[nodiscard]] inline std::size_t run_of(const char* p, std::size_t n, Good good) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    const unsigned bad = ~static_cast<unsigned>(_mm_movemask_epi8(good(x))) & 0xffffU;
    if (bad != 0) return i + static_cast<std::size_t>(__builtin_ctz(bad));
  }
  return i;
}
#endif
}  // namespace scan_detail

/// Length of the run of letters, digits and dashes at the front: what nearly all field names
/// consist of. Stops early where it likes; the caller goes on byte by byte.
[[nodiscard]] inline std::size_t name_run([[maybe_unused]] const char* p,
                                          [[maybe_unused]] std::size_t n) noexcept {
#if defined(__SSE2__)
  return scan_detail::run_of(p, n, [](__m128i x) {
    const __m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    const __m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    return _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                     _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)),
        _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
  });
#else
  return 0;
#endif
}

/// Index of the first byte of `s` that may not stand in a request target, or its size. What may is
/// visible ASCII without `#`: a fragment is never sent (RFC 9110 section 4.2.5). The one rule for
/// every way a target comes by.
[[nodiscard]] inline std::size_t target_end(std::string_view s) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  i = scan_detail::run_of(s.data(), s.size(), [](__m128i x) {
    // Signed: bytes from 0x80 up are negative and fail the first test too.
    const __m128i visible = _mm_cmpgt_epi8(x, _mm_set1_epi8(0x20));
    const __m128i odd =
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('#')), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
    return _mm_andnot_si128(odd, visible);
  });
#endif
  while (i < s.size() && scan_detail::target_byte(s[i])) ++i;
  return i;
}

/// The rule alone, for tests and for other CPUs.
[[nodiscard]] constexpr std::size_t value_end_scalar(std::string_view s) noexcept {
  std::size_t i = 0;
  while (i < s.size() && scan_detail::value_byte(s[i])) ++i;
  return i;
}

}  // namespace aralez
