#pragma once

#include <string>
#include <vector>

namespace aralez {

/// Keys `acme_*` of main.yaml: whom certificates are ordered from.
struct AcmeConfig {
  std::string directory = "https://acme-v02.api.letsencrypt.org/directory";
  std::string ca_file;                ///< whom to trust with it; empty: the system's
  std::vector<std::string> contacts;  ///< e-mail addresses
  // An account that the operator has there already (RFC 8555 section 7.3.4); both or none.
  std::string eab_kid;
  std::string eab_hmac_key;  ///< secret, decoded
};

}  // namespace aralez
