#include "tls/digest.h"

#include <openssl/evp.h>

namespace aralez {

std::array<std::byte, 20> sha1(std::string_view text) {
  std::array<std::byte, 20> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
             EVP_sha1(), nullptr);
  return out;
}

}  // namespace aralez
