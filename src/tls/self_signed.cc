#include "tls/self_signed.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

#include "tls/key_tools.h"

namespace aralez {
namespace {

constexpr std::time_t kHour = 3600;
constexpr std::time_t kYear = 365 * 24 * kHour;

bool extend(X509& certificate, int what, const char* value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, what, value));
  return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool set_serial(X509& certificate) {
  std::array<unsigned char, 16> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return false;
  random[0] &= 0x7f;
  const Number number(BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate));
}

bool fill(X509& certificate, EVP_PKEY& key, std::time_t now) {
  X509_NAME* name = X509_get_subject_name(&certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("aralez, no certificate configured");
  return X509_set_version(&certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         ASN1_TIME_set(X509_getm_notBefore(&certificate), now - kHour) &&
         ASN1_TIME_set(X509_getm_notAfter(&certificate), now + kYear) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(&certificate, name) == 1 &&
         X509_set_pubkey(&certificate, &key) == 1 &&
         extend(certificate, NID_subject_alt_name, "DNS:localhost") &&
         extend(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         extend(certificate, NID_ext_key_usage, "serverAuth") &&
         X509_sign(&certificate, &key, EVP_sha256()) > 0;
}

}  // namespace

CertificatePairPtr make_self_signed(std::time_t now) {
  auto pair = std::make_shared<CertificatePair>();
  pair->name = "self-signed";
  pair->key = KeyPtr(EVP_EC_gen("P-256"));
  X509Ptr certificate(X509_new());
  const bool made = pair->key && certificate && fill(*certificate, *pair->key, now);
  ERR_clear_error();
  if (!made) return nullptr;
  pair->chain.push_back(std::move(certificate));
  return pair;
}

}  // namespace aralez
