#include "base/base64.h"

#include <array>

namespace aralez {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t kForeign = 0x80;

constexpr std::array<std::uint8_t, 256> make_values(std::string_view alphabet) {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t& v : values) v = kForeign;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kStandardValues = make_values(kStandard);
constexpr auto kUrlValues = make_values(kUrl);

std::uint32_t group_at(std::span<const std::byte> in, std::size_t i) noexcept {
  const auto byte = [&](std::size_t k) {
    return k < in.size() ? static_cast<std::uint32_t>(in[k]) : 0U;
  };
  return byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
}

}  // namespace

void encode_base64(std::span<const std::byte> in, char* out) noexcept {
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const std::uint32_t v = group_at(in, i);
    *out++ = kStandard[v >> 18];
    *out++ = kStandard[(v >> 12) & 63];
    *out++ = i + 1 < in.size() ? kStandard[(v >> 6) & 63] : '=';
    *out++ = i + 2 < in.size() ? kStandard[v & 63] : '=';
  }
}

std::string encode_base64url(std::string_view in) {
  const auto bytes = std::as_bytes(std::span(in));
  std::string out;
  out.reserve(in.size() / 3 * 4 + 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t v = group_at(bytes, i);
    out += kUrl[v >> 18];
    out += kUrl[(v >> 12) & 63];
    if (i + 1 < bytes.size()) out += kUrl[(v >> 6) & 63];
    if (i + 2 < bytes.size()) out += kUrl[v & 63];
  }
  return out;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> out,
                                         Base64 kind) noexcept {
  const auto& values = kind == Base64::standard ? kStandardValues : kUrlValues;
  if (kind == Base64::standard) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::uint32_t bits = 0;
  int held = 0;
  std::uint8_t seen = 0;
  std::size_t size = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    seen |= value;
    bits = bits << 6 | (value & 63U);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[size++] = static_cast<char>(bits >> held & 0xff);
  }
  const std::uint32_t unread = bits & ((1U << held) - 1);
  if ((seen & kForeign) != 0 || unread != 0) return std::nullopt;
  return size;
}

std::optional<std::string> decode_base64(std::string_view text, Base64 kind) {
  std::string out(base64_room(text.size()), '\0');
  const auto size = decode_base64(text, out, kind);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

}  // namespace aralez
