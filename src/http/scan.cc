#include "http/scan.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace aralez::scan_detail {
namespace {

std::size_t scan_scalar(const char* p, std::size_t i, std::size_t n) noexcept {
  while (i < n && value_byte(p[i])) ++i;
  return i;
}

#if defined(__x86_64__)
std::size_t scan_sse2(const char* p, std::size_t i, std::size_t n) noexcept {
  for (; i + 16 <= n; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    const __m128i low =
        _mm_cmplt_epi8(_mm_xor_si128(x, _mm_set1_epi8(-128)), _mm_set1_epi8(0x20 - 128));
    const __m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
    const int bad = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
    if (bad != 0) return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(bad)));
  }
  return scan_scalar(p, i, n);
}

__attribute__((target("avx2"))) std::size_t scan_avx2(const char* p, std::size_t i,
                                                      std::size_t n) noexcept {
  for (; i + 32 <= n; i += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
    const __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20 - 128),
                                          _mm256_xor_si256(x, _mm256_set1_epi8(-128)));
    const __m256i tab = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\t'));
    const __m256i del = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(0x7f));
    const int bad = _mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(tab, low), del));
    if (bad != 0) return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(bad)));
  }
  return scan_sse2(p, i, n);
}

constexpr auto kVariants =
    std::to_array<Variant>({{"scalar", scan_scalar}, {"sse2", scan_sse2}, {"avx2", scan_avx2}});

std::size_t usable() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") ? 3 : 2;
}
#else
constexpr auto kVariants = std::to_array<Variant>({{"scalar", scan_scalar}});

std::size_t usable() noexcept {
  return 1;
}
#endif
const auto kScan = variants().back().scan;

}  // namespace

std::span<const Variant> variants() noexcept {
  return std::span(kVariants).first(usable());
}

std::size_t value_end_wide(const char* p, std::size_t from, std::size_t n) noexcept {
  return kScan(p, from, n);
}

}  // namespace aralez::scan_detail
