#include "tls/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>
#include <memory>

#include "tls/key_tools.h"

namespace aralez {
namespace {

unsigned char* bytes_of(Sha256& digest) {
  return reinterpret_cast<unsigned char*>(digest.data());
}

/// Found once: looking for an algorithm costs more than a short digest.
const EVP_MD* fetched_sha256() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

}  // namespace

std::array<std::byte, 20> sha1(std::string_view text) {
  std::array<std::byte, 20> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
             EVP_sha1(), nullptr);
  return out;
}

Sha256 sha256(std::initializer_list<std::string_view> parts) {
  thread_local const MdContext context(EVP_MD_CTX_new());
  Sha256 out{};
  bool ok = context && EVP_DigestInit_ex(context.get(), fetched_sha256(), nullptr) == 1;
  for (const std::string_view part : parts)
    ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(context.get(), bytes_of(out), nullptr) == 1;
  if (!ok) std::abort();  // a digest that is not one would let others in
  return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view text) {
  Sha256 out{};
  // A key of no bytes still needs an address.
  if (HMAC(fetched_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes_of(out),
           nullptr) == nullptr)
    std::abort();
  return out;
}

}  // namespace aralez
