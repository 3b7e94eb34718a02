#include "tls/signature.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <optional>

#include "tls/key_tools.h"

namespace aralez {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr std::size_t kMaxKeys = 64;  ///< of one PEM text

using KeyContext = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<&EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<&OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, OpensslFree<&OSSL_PARAM_free>>;

const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

Number number(std::string_view big_endian) {
  return Number(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

KeyPtr key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return KeyPtr(key);
}

struct Curve {
  PublicKey::Kind kind;
  const char* group;
  std::size_t bytes;  ///< of a coordinate
};
constexpr std::array kCurves = {Curve{PublicKey::Kind::p256, "prime256v1", 32},
                                Curve{PublicKey::Kind::p384, "secp384r1", 48},
                                Curve{PublicKey::Kind::p521, "secp521r1", 66}};

const Curve* curve_of(PublicKey::Kind kind) {
  for (const Curve& c : kCurves)
    if (c.kind == kind) return &c;
  return nullptr;
}

std::optional<PublicKey::Kind> curve_named(EVP_PKEY* key) {
  std::array<char, 64> name{};
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1) return std::nullopt;
  for (const Curve& c : kCurves)
    if (std::string_view(name.data()) == c.group) return c.kind;
  return std::nullopt;
}

/// Whether the modulus has the mark of a generator whose keys can be factored (ROCA,
/// CVE-2017-15361): modulo each small prime it is a power of 65537. One in 2^27 others has it too.
bool is_roca(const BIGNUM* modulus) {
  constexpr std::array<BN_ULONG, 38> kPrimes = {
      3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
      73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  for (const BN_ULONG prime : kPrimes) {
    const BN_ULONG rest = BN_mod_word(modulus, prime);
    BN_ULONG power = 1;
    do power = power * 65537 % prime;
    while (power != rest && power != 1);
    if (power != rest) return false;
  }
  return true;
}

Number bn_of(EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  EVP_PKEY_get_bn_param(key, name, &raw);
  return Number(raw);
}

/// What is wrong with an RSA key, or nothing.
std::string rsa_flaw(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinRsaBits)
    return fmt::format("an RSA key of {} bits is too weak; it takes {}", bits, kMinRsaBits);
  if (bits > kMaxRsaBits)
    return fmt::format("an RSA key of {} bits is too large; {} is the most", bits, kMaxRsaBits);
  const Number exponent = bn_of(key, OSSL_PKEY_PARAM_RSA_E);
  const Number modulus = bn_of(key, OSSL_PKEY_PARAM_RSA_N);
  if (!exponent || !modulus) return "not an RSA key";
  const int size = BN_num_bits(exponent.get());
  if (size < 2 || size > 64 || BN_is_odd(exponent.get()) == 0)
    return "the exponent of this RSA key is not sound; 65537 is usual";
  if (is_roca(modulus.get())) return "this RSA key can be factored (CVE-2017-15361)";
  return {};
}

const EVP_MD* digest_of(SignatureAlgorithm algorithm) {
  using enum SignatureAlgorithm;
  switch (algorithm) {
    case rs256:
    case ps256:
    case es256: return EVP_sha256();
    case rs384:
    case ps384:
    case es384: return EVP_sha384();
    case rs512:
    case ps512:
    case es512: return EVP_sha512();
    case ed25519: break;
  }
  return nullptr;
}

bool is_pss(SignatureAlgorithm algorithm) {
  return algorithm >= SignatureAlgorithm::ps256 && algorithm <= SignatureAlgorithm::ps512;
}

/// Whatever OpenSSL had to say of somebody's key or signature is nobody else's business.
struct QuietErrors {
  QuietErrors() = default;
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { ERR_clear_error(); }
};

/// r and s side by side (RFC 7518 section 3.4) as the DER that OpenSSL reads; empty if they are no
/// such pair.
std::string der_of(std::string_view pair, std::size_t coordinate) {
  if (pair.size() != 2 * coordinate) return {};
  const EcSignature signature(ECDSA_SIG_new());
  Number r = number(pair.substr(0, coordinate));
  Number s = number(pair.substr(coordinate));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.release(), s.release()) != 1)
    return {};
  return encode_der<&i2d_ECDSA_SIG>(*signature);
}

}  // namespace

PublicKey::Made PublicKey::checked(KeyPtr key) {
  const QuietErrors quiet;
  if (!key) return std::unexpected("not a public key");
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    if (auto flaw = rsa_flaw(key.get()); !flaw.empty()) return std::unexpected(std::move(flaw));
    return PublicKey(std::move(key), Kind::rsa);
  }
  if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) return PublicKey(std::move(key), Kind::ed25519);
  if (EVP_PKEY_is_a(key.get(), "EC") == 1)
    if (const auto kind = curve_named(key.get())) return PublicKey(std::move(key), *kind);
  return std::unexpected("not an RSA, P-256, P-384, P-521 or Ed25519 key");
}

PublicKey::Made PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  constexpr std::size_t kMaxBytes = kMaxRsaBits / 8 + 1;
  if (modulus.size() > kMaxBytes || exponent.size() > kMaxBytes)
    return std::unexpected("this RSA key is too large");
  const Number n = number(modulus);
  const Number e = number(exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return std::unexpected("not an RSA key");
  return checked(key_of("RSA", builder.get()));
}

PublicKey::Made PublicKey::curve(Kind kind, std::string_view x, std::string_view y) {
  const Curve* const curve = curve_of(kind);
  if (curve == nullptr || x.size() != curve->bytes || y.size() != curve->bytes)
    return std::unexpected("the coordinates do not have the length that the curve asks for");
  const std::string point = "\x04" + std::string(x) + std::string(y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return std::unexpected("not a key of this curve");
  return checked(key_of("EC", builder.get()));
}

PublicKey::Made PublicKey::ed25519(std::string_view x) {
  return checked(
      KeyPtr(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size())));
}

bool PublicKey::fits(SignatureAlgorithm algorithm) const noexcept {
  using enum SignatureAlgorithm;
  switch (kind_) {
    case Kind::rsa: return algorithm <= ps512;
    case Kind::p256: return algorithm == es256;
    case Kind::p384: return algorithm == es384;
    case Kind::p521: return algorithm == es512;
    case Kind::ed25519: return algorithm == SignatureAlgorithm::ed25519;
  }
  return false;
}

bool PublicKey::verifies(SignatureAlgorithm algorithm, std::string_view text,
                         std::string_view signature) const {
  if (!fits(algorithm)) return false;
  const QuietErrors quiet;
  std::string der;
  if (const Curve* const curve = curve_of(kind_)) {
    der = der_of(signature, curve->bytes);
    if (der.empty()) return false;
    signature = der;
  }
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context || EVP_DigestVerifyInit(context.get(), &key_context, digest_of(algorithm), nullptr,
                                       key_.get()) != 1)
    return false;
  if (is_pss(algorithm) &&
      (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                          text.size()) == 1;
}

std::string PublicKey::encoded() const {
  return encode_der<&i2d_PUBKEY>(*key_);
}

namespace {

/// One part of a PEM text, as OpenSSL hands it out.
struct PemPart {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  PemPart() = default;
  PemPart(const PemPart&) = delete;
  PemPart& operator=(const PemPart&) = delete;
  ~PemPart() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
};

std::expected<KeyPtr, std::string> key_in(const PemPart& part) {
  const std::string_view name = part.name;
  const unsigned char* at = part.data;
  if (name == "PUBLIC KEY") return KeyPtr(d2i_PUBKEY(nullptr, &at, part.size));
  if (name == "RSA PUBLIC KEY") return KeyPtr(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, part.size));
  if (name == "CERTIFICATE") {
    const X509Ptr certificate(d2i_X509(nullptr, &at, part.size));
    return KeyPtr(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
  }
  if (name.ends_with("PRIVATE KEY"))
    return std::unexpected("a private key; give the public one: openssl pkey -in key.pem -pubout");
  return std::unexpected("a PEM text that is neither a public key nor a certificate");
}

}  // namespace

std::expected<std::vector<PublicKey>, std::string> read_public_keys(std::string_view pem) {
  std::vector<PublicKey> keys;
  const BioPtr input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (input) {
    PemPart part;
    if (PEM_read_bio(input.get(), &part.name, &part.header, &part.data, &part.size) != 1) break;
    auto key = key_in(part);
    if (!key) return std::unexpected(std::move(key.error()));
    auto made = PublicKey::checked(std::move(*key));
    if (!made) return std::unexpected(std::move(made.error()));
    if (keys.size() == kMaxKeys) return std::unexpected(fmt::format("more than {} keys", kMaxKeys));
    keys.push_back(std::move(*made));
  }
  const auto why = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  if (why != 0 && why != PEM_R_NO_START_LINE) return std::unexpected("a PEM text that is damaged");
  if (keys.empty()) return std::unexpected("no PEM text");
  return keys;
}

}  // namespace aralez
