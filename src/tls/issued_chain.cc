#include "tls/issued_chain.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <vector>

#include "base/base64.h"
#include "config/file.h"
#include "tls/certificate_pair.h"
#include "tls/key_tools.h"

namespace aralez {
namespace {

constexpr std::size_t kMostCertificates = 16;
constexpr std::size_t kMostBytes = 1024 * 1024;

bool stands_for(X509& certificate, const std::string& host) {
  return X509_check_host(&certificate, host.data(), host.size(), 0, nullptr) == 1;
}

std::string base64url_of(const ASN1_STRING& text) {
  return encode_base64url({reinterpret_cast<const char*>(ASN1_STRING_get0_data(&text)),
                           static_cast<std::size_t>(ASN1_STRING_length(&text))});
}

/// The serial number is the content of its DER, which has a zero in front where the first bit is
/// set, so that it is no negative number.
std::string id_of(X509& certificate) {
  const ASN1_OCTET_STRING* const issuer = X509_get0_authority_key_id(&certificate);
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(&certificate);
  const std::string der = issuer != nullptr ? encode_der<&i2d_ASN1_INTEGER>(*serial) : "";
  constexpr std::size_t kHead = 2;  // it has 20 bytes at most (RFC 5280 section 4.1.2.2)
  if (der.size() <= kHead || der.size() >= 128) return {};
  return base64url_of(*issuer) + "." + encode_base64url(std::string_view(der).substr(kHead));
}

CertificateLife life_of(X509& certificate) {
  std::tm begins{};
  const bool readable = ASN1_TIME_to_tm(X509_get0_notBefore(&certificate), &begins) == 1;
  return {.begins = readable ? ::timegm(&begins) : 0,
          .ends = expiry_of(certificate),
          .id = id_of(certificate)};
}

/// Empty when one of them is broken, or there are too many.
std::vector<X509Ptr> read_chain(std::string_view pem) {
  std::vector<X509Ptr> chain;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  ERR_clear_error();
  while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    chain.push_back(std::move(next));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end || chain.size() > kMostCertificates) chain.clear();
  return chain;
}

std::string to_pem(const std::vector<X509Ptr>& chain) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  for (const X509Ptr& certificate : chain)
    if (!bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1) return {};
  return bio ? text_of(*bio) : std::string();
}

}  // namespace

std::expected<IssuedChain, std::string> check_issued_chain(std::string_view pem,
                                                           const SigningKey& key,
                                                           const std::string& host,
                                                           std::time_t now) {
  const auto chain = read_chain(pem);
  ERR_clear_error();
  if (chain.empty()) return std::unexpected("what was issued is no chain of certificates");
  X509& leaf = *chain.front();
  const bool own = X509_check_private_key(&leaf, &key.openssl()) == 1;
  ERR_clear_error();
  if (!own) return std::unexpected("the certificate is for another key");
  if (!stands_for(leaf, host)) return std::unexpected("the certificate is for another name");
  IssuedChain out{.pem = to_pem(chain), .life = life_of(leaf)};
  if (out.life.ends <= now) return std::unexpected("the certificate has expired already");
  if (out.pem.empty()) return std::unexpected("out of memory");
  return out;
}

std::expected<std::optional<CertificateLife>, std::string> life_of(const CertificateFiles& files,
                                                                   const std::string& host,
                                                                   std::time_t now) {
  for (const std::string& file : {files.chain, files.key}) {
    const FileText text = read_text_file(file, kMostBytes, FileRule::regular);
    if (text.status == FileText::Status::missing) return std::nullopt;
    if (text.status != FileText::Status::ok)
      return std::unexpected(fmt::format("{} cannot be read: {}", file, text.reason));
    if (text.text.find("ENCRYPTED") != std::string::npos)
      return std::unexpected(fmt::format("{} has a passphrase", file));
  }
  const LoadedCertificates loaded = load_certificate_files(files, now);
  if (loaded.pairs.empty() || !stands_for(loaded.pairs.front()->leaf(), host)) return std::nullopt;
  return life_of(loaded.pairs.front()->leaf());
}

}  // namespace aralez
