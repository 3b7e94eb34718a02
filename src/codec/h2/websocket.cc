#include "codec/h2/websocket.h"

#include <cstddef>
#include <string>

#include "base/base64.h"
#include "tls/digest.h"

namespace aralez::h2 {

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
  encode_base64(nonce, out.data());
}

std::array<char, 28> websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<char, 28> out;
  encode_base64(sha1(text), out.data());
  return out;
}

}  // namespace aralez::h2
