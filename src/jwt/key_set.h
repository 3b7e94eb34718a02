#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tls/signature.h"

namespace aralez {

/// What tokens may be signed with: a secret (HS256), or a public key of one algorithm. The
/// algorithm belongs to the key; what a token says of its own only has to agree (threats row 24).
class TokenKey {
 public:
  [[nodiscard]] static TokenKey secret(std::string secret) { return TokenKey(std::move(secret)); }
  /// With the algorithm that is usual for the kind of key: RS256, ES256, ES384, ES512 or EdDSA.
  [[nodiscard]] static TokenKey of(PublicKey key, std::string kid = {});
  /// Pre: key.fits(algorithm).
  TokenKey(PublicKey key, SignatureAlgorithm algorithm, std::string kid)
      : kid_(std::move(kid)), what_(Asymmetric{std::move(key), algorithm}) {}

  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }
  /// Whether `name` is the `alg` of tokens that this key signs.
  [[nodiscard]] bool has_algorithm(std::string_view name) const noexcept;
  [[nodiscard]] bool verifies(std::string_view text, std::string_view signature) const;

 private:
  struct Asymmetric {
    PublicKey key;
    SignatureAlgorithm algorithm;
  };
  explicit TokenKey(std::string secret) : what_(std::move(secret)) {}

  std::string kid_;
  std::variant<std::string, Asymmetric> what_;
};

/// Immutable; any thread.
using KeySet = std::vector<TokenKey>;

inline constexpr std::size_t kMaxKeySetBytes = 256 * 1024;
inline constexpr std::size_t kMaxKeys = 64;

/// The keys of a PEM text (public keys, certificates) or of a JSON Web Key Set (RFC 7517). In a
/// set, keys for another use, of an unknown kind or too weak are left out; a private or secret key
/// spoils it. An error is what to tell the operator and holds nothing of a key.
[[nodiscard]] std::expected<KeySet, std::string> parse_keys(std::string_view text);

/// Whether the text looks like keys rather than a secret: PEM or JSON.
[[nodiscard]] bool is_key_text(std::string_view text) noexcept;
/// Whether the text is a public key in bare base64: nobody may be allowed to sign with that.
[[nodiscard]] bool is_bare_public_key(std::string_view text);

}  // namespace aralez
