#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tls/openssl_ptr.h"

namespace aralez {

/// A private key on P-256, of an account or of a certificate. Immutable; any thread. Its texts are
/// as secret as itself but for point() and what it signed.
class SigningKey {
 public:
  /// Nullopt: OpenSSL failed.
  [[nodiscard]] static std::optional<SigningKey> generate();
  /// Nullopt: `der` is anything but PKCS#8 of a P-256 key.
  [[nodiscard]] static std::optional<SigningKey> from_pkcs8(std::string_view der);

  [[nodiscard]] std::string pkcs8() const;  ///< DER
  [[nodiscard]] std::string pem() const;    ///< PKCS#8
  /// The public key: coordinates of 32 bytes, big-endian.
  struct Point {
    std::string x, y;
  };
  [[nodiscard]] Point point() const;
  /// ES256 (RFC 7518 section 3.4): 64 bytes. Empty: OpenSSL failed.
  [[nodiscard]] std::string sign(std::string_view text) const;
  /// PKCS#10 DER for a certificate of this key with that one DNS name (RFC 2986). Empty as before.
  [[nodiscard]] std::string certificate_request(const std::string& host) const;

  [[nodiscard]] EVP_PKEY& openssl() const noexcept { return *key_; }

 private:
  explicit SigningKey(KeyPtr key) : key_(std::move(key)) {}

  KeyPtr key_;
};

}  // namespace aralez
