#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/openssl_ptr.h"

namespace aralez {

/// How signatures of JSON Web Signatures are checked (RFC 7518 section 3.1, RFC 8037).
enum class SignatureAlgorithm : std::uint8_t {
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  ed25519
};

/// A public key that signatures are checked with. Immutable; any thread may verify. What is too
/// weak is never made: RSA below 2048 bits or with an exponent of 1, curves other than P-256,
/// P-384, P-521 and Ed25519.
class PublicKey {
 public:
  enum class Kind : std::uint8_t { rsa, p256, p384, p521, ed25519 };
  /// What is wrong with a key; never holds any of it.
  using Made = std::expected<PublicKey, std::string>;

  /// Big-endian numbers, as in a JSON Web Key (RFC 7518 section 6).
  [[nodiscard]] static Made rsa(std::string_view modulus, std::string_view exponent);
  /// Pre: `kind` is one of the three P curves. Each coordinate has the length of the field.
  [[nodiscard]] static Made curve(Kind kind, std::string_view x, std::string_view y);
  [[nodiscard]] static Made ed25519(std::string_view x);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool fits(SignatureAlgorithm algorithm) const noexcept;
  /// False for everything that is not a signature of `text` by this key, whatever it is.
  [[nodiscard]] bool verifies(SignatureAlgorithm algorithm, std::string_view text,
                              std::string_view signature) const;
  /// The key itself, for telling keys apart: DER of its SubjectPublicKeyInfo.
  [[nodiscard]] std::string encoded() const;

 private:
  friend std::expected<std::vector<PublicKey>, std::string> read_public_keys(std::string_view pem);
  [[nodiscard]] static Made checked(KeyPtr key);
  PublicKey(KeyPtr key, Kind kind) : key_(std::move(key)), kind_(kind) {}

  KeyPtr key_;
  Kind kind_;
};

/// The public keys and certificates of a PEM text; an error when one of its parts is neither, or
/// too weak, or when there is none. Private keys are refused: they have no business here.
[[nodiscard]] std::expected<std::vector<PublicKey>, std::string> read_public_keys(
    std::string_view pem);

}  // namespace aralez
