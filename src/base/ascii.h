#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace aralez {

/// ASCII only, independent of any locale.
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}
namespace ascii_detail {
template <class Word>
inline bool differ(const char* a, const char* b) noexcept {
  constexpr Word kBit5 = static_cast<Word>(0x2020202020202020ULL);
  Word x = 0;
  Word y = 0;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return ((x ^ y) & ~kBit5) != 0;
}
}  // namespace ascii_detail

/// iequals for a token against a lower-case name of letters, digits and dashes: for those, setting
/// bit 5 is lower-casing and maps no other token character onto one of them. Eight bytes at a time.
inline bool token_equals(std::string_view token, std::string_view known) noexcept {
  const std::size_t n = known.size();
  if (token.size() != n) return false;
  const char* const a = token.data();
  const char* const b = known.data();
  if (n >= 8) {
    for (std::size_t i = 0; i + 8 < n; i += 8)
      if (ascii_detail::differ<std::uint64_t>(a + i, b + i)) return false;
    return !ascii_detail::differ<std::uint64_t>(a + n - 8, b + n - 8);
  }
  if (n >= 4)
    return !ascii_detail::differ<std::uint32_t>(a, b) &&
           !ascii_detail::differ<std::uint32_t>(a + n - 4, b + n - 4);
  for (std::size_t i = 0; i < n; ++i)
    if ((token[i] | 0x20) != (known[i] | 0x20)) return false;
  return true;
}
namespace ascii_detail {
/// Each byte in lower case, by the ordinary rule.
constexpr std::uint64_t lower_word(std::uint64_t w) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t heptets = w & (0x7f * kOnes);
  const std::uint64_t from_a = heptets + (0x80 - 'A') * kOnes;    // bit 7: 'A' or behind it
  const std::uint64_t behind_z = heptets + (0x7f - 'Z') * kOnes;  // bit 7: behind 'Z'
  return w | ((from_a ^ behind_z) & ~w & (0x80 * kOnes)) >> 2;
}
inline std::uint64_t load_word(const char* p) noexcept {
  std::uint64_t w = 0;
  std::memcpy(&w, p, sizeof w);
  return w;
}
}  // namespace ascii_detail

/// `s` in lower case, in the front of `out`; eight bytes at a time. Pre: out.size() >= s.size().
inline std::string_view lower_into(std::string_view s, std::span<char> out) noexcept {
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    const std::uint64_t w = ascii_detail::lower_word(ascii_detail::load_word(s.data() + i));
    std::memcpy(out.data() + i, &w, sizeof w);
  }
  for (; i < s.size(); ++i) out[i] = to_lower(s[i]);
  return {out.data(), s.size()};
}
/// Whether `s` in lower case is `low`; eight bytes at a time.
inline bool lower_equals(std::string_view s, std::string_view low) noexcept {
  using ascii_detail::load_word, ascii_detail::lower_word;
  const std::size_t n = s.size();
  if (n != low.size()) return false;
  if (n < 8) {
    for (std::size_t i = 0; i < n; ++i)
      if (to_lower(s[i]) != low[i]) return false;
    return true;
  }
  for (std::size_t i = 0; i + 8 < n; i += 8)
    if (lower_word(load_word(s.data() + i)) != load_word(low.data() + i)) return false;
  return lower_word(load_word(s.data() + n - 8)) == load_word(low.data() + n - 8);
}
inline std::string lower(std::string_view s) {
  std::string out(s.size(), '\0');
  lower_into(s, out);
  return out;
}
/// Optional white space of RFC 9110 section 5.6.3.
constexpr std::string_view trim_ows(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}
/// Calls `fn` with each trimmed, non-empty element of a comma list (RFC 9110 section 5.6.1).
template <class Fn>
constexpr void for_each_element(std::string_view list, Fn&& fn) {
  while (true) {
    const auto comma = list.find(',');
    if (const auto item = trim_ows(list.substr(0, comma)); !item.empty()) fn(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

namespace ascii_detail {
constexpr std::array<bool, 256> make_table(std::string_view extra) {
  std::array<bool, 256> t{};
  for (int c = '0'; c <= '9'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (char c : extra) t[static_cast<unsigned char>(c)] = true;
  return t;
}
}  // namespace ascii_detail

/// tchar of RFC 9110 section 5.6.2.
inline constexpr auto kTokenChars = ascii_detail::make_table("!#$%&'*+-.^_`|~");
constexpr bool is_token_char(char c) noexcept {
  return kTokenChars[static_cast<unsigned char>(c)];
}
constexpr bool is_token(std::string_view s) noexcept {
  for (char c : s)
    if (!is_token_char(c)) return false;
  return !s.empty();
}
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace aralez
