#include "tls/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace aralez {

std::array<std::byte, 20> sha1(std::string_view text) {
  std::array<std::byte, 20> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
             EVP_sha1(), nullptr);
  return out;
}

std::array<std::byte, 32> hmac_sha256(std::string_view key, std::string_view text) {
  std::array<std::byte, 32> out{};
  unsigned size = 0;
  // Of a key without bytes OpenSSL wants an address all the same.
  HMAC(EVP_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

}  // namespace aralez
