#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "tls/certificate_folder.h"
#include "tls/openssl_ptr.h"

namespace aralez {

/// A chain and its key, found to belong together. Immutable.
struct CertificatePair {
  std::string name;            ///< of the files in their folder, without endings
  std::string chain_file;      ///< for messages
  std::vector<X509Ptr> chain;  ///< the server's first; not empty
  KeyPtr key;

  [[nodiscard]] X509& leaf() const noexcept { return *chain.front(); }
};
using CertificatePairPtr = std::shared_ptr<const CertificatePair>;

/// What a folder holds.
struct LoadedCertificates {
  std::vector<CertificatePairPtr> pairs;  ///< usable, by name
  std::vector<std::string> broken;        ///< names with a chain file that cannot be used
  std::vector<CertificateFinding> findings;
  bool listed = true;  ///< whether the folder could be read, or does not exist
};

/// check_certificate_folder(), keeping what it reads.
[[nodiscard]] LoadedCertificates load_certificate_folder(const std::string& folder,
                                                         std::time_t now);
/// A single pair; its name is the path of its chain.
[[nodiscard]] LoadedCertificates load_certificate_files(const CertificateFiles& files,
                                                        std::time_t now);

/// The end of its validity, seconds since 1970; 0 when it cannot be read.
[[nodiscard]] std::time_t expiry_of(const X509& certificate);

/// What clients may call the owner of a certificate: DNS names among the alternative names and the
/// common names, lower case, without a dot at the end. What is no host name (with a NUL in it, for
/// example) is left out: threats row 23.
[[nodiscard]] std::vector<std::string> names_of(X509& certificate);

}  // namespace aralez
