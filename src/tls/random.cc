#include "tls/random.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace aralez {

std::array<std::byte, 32> random_secret() {
  std::array<std::byte, 32> out{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1)
    std::abort();
  return out;
}

}  // namespace aralez
