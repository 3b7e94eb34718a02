#pragma once

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <string>

#include "tls/certificate_pair.h"

namespace aralez::testing {

constexpr std::time_t kNow = 1'800'000'000;  // 2027-01-15
constexpr std::time_t kDay = 86'400;

enum class KeyKind : bool { ecdsa, rsa };

struct CertificateSpec {
  std::string file = "a";
  std::string names;  ///< "DNS:a.test,DNS:*.b.test"
  std::string common_name = {};
  KeyKind kind = KeyKind::ecdsa;
  unsigned rsa_bits = 2048;
  std::time_t from = -kDay;  ///< relative to now
  std::time_t until = kDay;
  std::time_t now = kNow;
};

inline KeyPtr make_key(KeyKind kind, unsigned rsa_bits = 2048) {
  return KeyPtr(kind == KeyKind::rsa ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256"));
}

/// Self-signed.
inline CertificatePairPtr make_pair_of(const CertificateSpec& spec) {
  auto pair = std::make_shared<CertificatePair>();
  pair->name = spec.file;
  pair->chain_file = spec.file + ".crt";
  pair->key = make_key(spec.kind, spec.rsa_bits);
  X509Ptr out(X509_new());
  X509_set_version(out.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  ASN1_TIME_set(X509_getm_notBefore(out.get()), spec.now + spec.from);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), spec.now + spec.until);
  X509_set_pubkey(out.get(), pair->key.get());
  if (!spec.common_name.empty())
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(spec.common_name.data()),
                               static_cast<int>(spec.common_name.size()), -1, 0);
  if (!spec.names.empty()) {
    X509_EXTENSION* san =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, spec.names.c_str());
    X509_add_ext(out.get(), san, -1);
    X509_EXTENSION_free(san);
  }
  X509_sign(out.get(), pair->key.get(), EVP_sha256());
  pair->chain.push_back(std::move(out));
  return pair;
}

}  // namespace aralez::testing
