#include "jwt/key_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/constant_time.h"
#include "tls/digest.h"

namespace aralez {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 16;
constexpr std::string_view kHs256 = "HS256";

struct AlgorithmName {
  std::string_view name;
  SignatureAlgorithm algorithm;
};
constexpr std::array kNames = {AlgorithmName{"RS256", SignatureAlgorithm::rs256},
                               AlgorithmName{"RS384", SignatureAlgorithm::rs384},
                               AlgorithmName{"RS512", SignatureAlgorithm::rs512},
                               AlgorithmName{"PS256", SignatureAlgorithm::ps256},
                               AlgorithmName{"PS384", SignatureAlgorithm::ps384},
                               AlgorithmName{"PS512", SignatureAlgorithm::ps512},
                               AlgorithmName{"ES256", SignatureAlgorithm::es256},
                               AlgorithmName{"ES384", SignatureAlgorithm::es384},
                               AlgorithmName{"ES512", SignatureAlgorithm::es512},
                               AlgorithmName{"EdDSA", SignatureAlgorithm::ed25519},
                               AlgorithmName{"Ed25519", SignatureAlgorithm::ed25519}};

std::optional<SignatureAlgorithm> algorithm_named(std::string_view name) {
  for (const AlgorithmName& n : kNames)
    if (n.name == name) return n.algorithm;
  return std::nullopt;
}

SignatureAlgorithm usual_algorithm(PublicKey::Kind kind) {
  switch (kind) {
    case PublicKey::Kind::rsa: return SignatureAlgorithm::rs256;
    case PublicKey::Kind::p256: return SignatureAlgorithm::es256;
    case PublicKey::Kind::p384: return SignatureAlgorithm::es384;
    case PublicKey::Kind::p521: return SignatureAlgorithm::es512;
    case PublicKey::Kind::ed25519: return SignatureAlgorithm::ed25519;
  }
  return SignatureAlgorithm::rs256;
}

/// The text of a member, or nothing.
std::optional<std::string> text_in(const json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

std::string bytes_in(const json& object, const char* name) {
  const auto text = text_in(object, name);
  return text ? decode_base64(*text, Base64::url).value_or(std::string()) : std::string();
}

PublicKey::Made public_key_of(const json& jwk, std::string_view kty) {
  if (kty == "RSA") return PublicKey::rsa(bytes_in(jwk, "n"), bytes_in(jwk, "e"));
  const std::string curve = text_in(jwk, "crv").value_or(std::string());
  if (kty == "OKP" && curve == "Ed25519") return PublicKey::ed25519(bytes_in(jwk, "x"));
  constexpr std::array kCurves = {std::pair{"P-256", PublicKey::Kind::p256},
                                  std::pair{"P-384", PublicKey::Kind::p384},
                                  std::pair{"P-521", PublicKey::Kind::p521}};
  if (kty == "EC")
    for (const auto& [name, kind] : kCurves)
      if (curve == name) return PublicKey::curve(kind, bytes_in(jwk, "x"), bytes_in(jwk, "y"));
  return std::unexpected("its kind or curve is not known");
}

/// Whether it is a key for checking signatures (RFC 7517 sections 4.2 and 4.3).
bool is_for_signatures(const json& jwk) {
  if (const auto use = jwk.find("use"); use != jwk.end() && *use != "sig") return false;
  const auto ops = jwk.find("key_ops");
  return ops == jwk.end() ||
         (ops->is_array() && std::find(ops->begin(), ops->end(), "verify") != ops->end());
}

std::expected<TokenKey, std::string> token_key_of(const json& jwk, std::string_view kty) {
  if (!is_for_signatures(jwk)) return std::unexpected("it is not for checking signatures");
  auto key = public_key_of(jwk, kty);
  if (!key) return std::unexpected(std::move(key.error()));
  std::string kid = text_in(jwk, "kid").value_or(std::string());
  if (!jwk.contains("alg")) return TokenKey::of(std::move(*key), std::move(kid));
  const auto algorithm = algorithm_named(text_in(jwk, "alg").value_or(std::string()));
  if (!algorithm || !key->fits(*algorithm))
    return std::unexpected("its alg is not one that such a key signs with");
  return TokenKey(std::move(*key), *algorithm, std::move(kid));
}

std::expected<KeySet, std::string> parse_jwks(std::string_view text) {
  const auto within_depth = [](int depth, json::parse_event_t, const json&) {
    return static_cast<std::size_t>(depth) <= kMaxDepth;
  };
  const json document = json::parse(text.begin(), text.end(), within_depth, false);
  if (!document.is_object()) return std::unexpected("not JSON");
  json keys = json::array({document});  // a key alone
  if (const auto at = document.find("keys"); at != document.end()) keys = *at;
  if (!keys.is_array()) return std::unexpected("no JSON Web Key Set: \"keys\" is not a list");
  if (keys.size() > kMaxKeys) return std::unexpected(fmt::format("more than {} keys", kMaxKeys));
  KeySet out;
  std::string left_out;
  for (const json& jwk : keys) {
    const auto kty = jwk.is_object() ? text_in(jwk, "kty") : std::nullopt;
    if (!kty) return std::unexpected("no JSON Web Key Set: a key has no kty");
    if (*kty == "oct" || jwk.contains("d"))
      return std::unexpected("holds a secret or private key; a set of public keys is needed");
    auto key = token_key_of(jwk, *kty);
    if (key)
      out.push_back(std::move(*key));
    else
      left_out = std::move(key.error());
  }
  if (out.empty())
    return std::unexpected(left_out.empty() ? "no key in it"
                                            : fmt::format("no key of use in it: {}", left_out));
  return out;
}

}  // namespace

TokenKey TokenKey::of(PublicKey key, std::string kid) {
  const SignatureAlgorithm algorithm = usual_algorithm(key.kind());
  return {std::move(key), algorithm, std::move(kid)};
}

bool TokenKey::has_algorithm(std::string_view name) const noexcept {
  const auto* const asymmetric = std::get_if<Asymmetric>(&what_);
  if (asymmetric == nullptr) return name == kHs256;
  return algorithm_named(name) == asymmetric->algorithm;
}

bool TokenKey::verifies(std::string_view text, std::string_view signature) const {
  if (const auto* const asymmetric = std::get_if<Asymmetric>(&what_))
    return asymmetric->key.verifies(asymmetric->algorithm, text, signature);
  return same_secret(as_text(hmac_sha256(std::get<std::string>(what_), text)), signature);
}

std::expected<KeySet, std::string> parse_keys(std::string_view text) {
  if (text.size() > kMaxKeySetBytes)
    return std::unexpected(fmt::format("larger than {} KiB", kMaxKeySetBytes / 1024));
  if (!text.contains("-----BEGIN ")) return parse_jwks(text);
  auto keys = read_public_keys(text);
  if (!keys) return std::unexpected(std::move(keys.error()));
  KeySet out;
  for (PublicKey& key : *keys) out.push_back(TokenKey::of(std::move(key)));
  return out;
}

bool is_key_text(std::string_view text) noexcept {
  text = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.starts_with('{') || text.contains("-----BEGIN ");
}

bool is_bare_public_key(std::string_view text) {
  if (!text.starts_with("M") || text.size() < 40) return false;
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t i = 0; i < text.size(); i += 64) pem.append(text.substr(i, 64)).append("\n");
  return read_public_keys(pem + "-----END PUBLIC KEY-----\n").has_value();
}

}  // namespace aralez
