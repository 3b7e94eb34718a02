#pragma once

#include <ctime>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "tls/certificate_folder.h"
#include "tls/signing_key.h"

namespace aralez {

/// How long a certificate is valid, seconds since 1970.
struct CertificateLife {
  std::time_t begins = 0;
  std::time_t ends = 0;
  std::string id = {};  ///< how its authority knows it (RFC 9773 section 4.1); empty: not at all
};

/// A chain that somebody issued for a key of ours, looked at before it is believed.
struct IssuedChain {
  std::string pem;  ///< the certificates and nothing else
  CertificateLife life;
};
/// The error says what is wrong with it: no PEM, another key, another host, over already.
[[nodiscard]] std::expected<IssuedChain, std::string> check_issued_chain(std::string_view pem,
                                                                         const SigningKey& key,
                                                                         const std::string& host,
                                                                         std::time_t now);

/// Of a pair of files; nothing when there is none, its parts do not belong together, or it does not
/// stand for `host`. The error: a file that is there cannot be read, so who knows what it is.
[[nodiscard]] std::expected<std::optional<CertificateLife>, std::string> life_of(
    const CertificateFiles& files, const std::string& host, std::time_t now);

}  // namespace aralez
