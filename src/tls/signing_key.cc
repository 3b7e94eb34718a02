#include "tls/signing_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/key_tools.h"

namespace aralez {
namespace {

constexpr int kCoordinate = 32;

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpensslFree<&PKCS8_PRIV_KEY_INFO_free>>;
using Request = std::unique_ptr<X509_REQ, OpensslFree<&X509_REQ_free>>;

/// Owns the list and what is on it.
struct Extensions {
  STACK_OF(X509_EXTENSION) * list = sk_X509_EXTENSION_new_null();
  Extensions() = default;
  Extensions(const Extensions&) = delete;
  Extensions& operator=(const Extensions&) = delete;
  ~Extensions() { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
  bool add(ExtensionPtr extension) {
    if (!list || !extension || sk_X509_EXTENSION_push(list, extension.get()) <= 0) return false;
    static_cast<void>(extension.release());
    return true;
  }
};

bool is_p256(EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  return key != nullptr && EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == SN_X9_62_prime256v1;
}

/// Big-endian, of fixed size.
std::string padded(const BIGNUM& number) {
  std::string out(kCoordinate, '\0');
  return BN_bn2binpad(&number, reinterpret_cast<unsigned char*>(out.data()), kCoordinate) ==
                 kCoordinate
             ? out
             : std::string();
}

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  const Number owned(number);
  return owned ? padded(*owned) : std::string();
}

}  // namespace

std::optional<SigningKey> SigningKey::generate() {
  KeyPtr key(EVP_EC_gen("P-256"));
  ERR_clear_error();
  if (!key) return std::nullopt;
  return SigningKey(std::move(key));
}

std::optional<SigningKey> SigningKey::from_pkcs8(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  KeyPtr key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
  ERR_clear_error();
  if (!is_p256(key.get())) return std::nullopt;
  return SigningKey(std::move(key));
}

std::string SigningKey::pkcs8() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  const bool ok = bio && i2d_PKCS8PrivateKeyInfo_bio(bio.get(), key_.get()) == 1;
  return ok ? text_of(*bio) : std::string();
}

std::string SigningKey::pem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  const bool ok = bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                       nullptr, nullptr) == 1;
  return ok ? text_of(*bio) : std::string();
}

SigningKey::Point SigningKey::point() const {
  return {.x = coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X),
          .y = coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)};
}

std::string SigningKey::sign(std::string_view text) const {
  const MdContext context(EVP_MD_CTX_new());
  std::string der(128, '\0');  // 72 at most
  std::size_t size = der.size();
  const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, data,
                     text.size()) != 1)
    return {};
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const EcSignature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  if (!pair) return {};
  return padded(*ECDSA_SIG_get0_r(pair.get())) + padded(*ECDSA_SIG_get0_s(pair.get()));
}

std::string SigningKey::certificate_request(const std::string& host) const {
  const Request request(X509_REQ_new());
  Extensions extensions;
  // The name stands in the extension alone: a common name takes 64 bytes at most.
  const bool ok = request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                  X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
                  extensions.add(ExtensionPtr(X509V3_EXT_conf_nid(
                      nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str()))) &&
                  X509_REQ_add_extensions(request.get(), extensions.list) == 1 &&
                  X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) > 0;
  std::string out = ok ? encode_der<&i2d_X509_REQ>(*request) : std::string();
  ERR_clear_error();
  return out;
}

}  // namespace aralez
