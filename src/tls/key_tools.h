#pragma once

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include <string>

#include "tls/openssl_ptr.h"

namespace aralez {

// What files about keys, signatures and requests share of OpenSSL.

using MdContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<&EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, OpensslFree<&BN_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, OpensslFree<&ECDSA_SIG_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<&X509_EXTENSION_free>>;

/// What `Encode`, an i2d function, makes of it; empty when that fails.
template <auto Encode, class T>
[[nodiscard]] std::string encode_der(const T& object) {
  unsigned char* der = nullptr;
  const int size = Encode(&object, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

/// What a BIO in memory holds.
[[nodiscard]] inline std::string text_of(BIO& bio) {
  const char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace aralez
