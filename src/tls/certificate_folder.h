#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "config/diagnostics.h"

namespace aralez {

/// Something about one file of a certificate folder. An error means that its pair cannot be used.
struct CertificateFinding {
  Severity severity = Severity::error;
  std::string file;
  std::string what;  ///< what is wrong, what would be right
};

struct CertificateReport {
  std::size_t usable = 0;  ///< pairs without an error
  std::vector<CertificateFinding> findings;
};

/// Looks at every pair `<name>.crt` and `<name>.key` directly in `folder` (behaviour section 10.1),
/// by name: readable, PEM, the key that of the first certificate, valid at `now`. Names that begin
/// with a dot do not count. A folder that does not exist has no pairs and no findings.
[[nodiscard]] CertificateReport check_certificate_folder(const std::string& folder,
                                                         std::time_t now);

/// A pair whose files are named one by one.
struct CertificateFiles {
  std::string chain;  ///< PEM, the server's first
  std::string key;
};
/// The same for one pair.
[[nodiscard]] CertificateReport check_certificate_files(const CertificateFiles& files,
                                                        std::time_t now);

}  // namespace aralez
