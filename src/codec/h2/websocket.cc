#include "codec/h2/websocket.h"

#include <cstddef>
#include <string>

#include "tls/digest.h"

namespace aralez::h2 {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 section 4. Pre: `out` has room for all of it.
void base64(std::span<const std::byte> in, char* out) {
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return k < in.size() ? static_cast<std::uint32_t>(in[k]) : 0U;
    };
    const std::uint32_t v = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *out++ = kAlphabet[v >> 18];
    *out++ = kAlphabet[(v >> 12) & 63];
    *out++ = i + 1 < in.size() ? kAlphabet[(v >> 6) & 63] : '=';
    *out++ = i + 2 < in.size() ? kAlphabet[v & 63] : '=';
  }
}

}  // namespace

void make_websocket_key(std::uint64_t& state, std::span<char, kWebSocketKey> out) {
  std::array<std::byte, 16> nonce;
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    if (i % 8 == 0) {  // splitmix64
      state += 0x9e3779b97f4a7c15ULL;
      word = state;
      word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
      word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
      word ^= word >> 31;
    }
    nonce[i] = static_cast<std::byte>(word >> (i % 8 * 8));
  }
  base64(nonce, out.data());
}

std::array<char, 28> websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<char, 28> out;
  base64(sha1(text), out.data());
  return out;
}

}  // namespace aralez::h2
