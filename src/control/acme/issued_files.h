#pragma once

#include <expected>
#include <optional>
#include <string>

#include "control/acme/order.h"

namespace aralez {

/// The pairs NAME.crt and NAME.key of certificates that were ordered.
class IssuedFiles {
 public:
  explicit IssuedFiles(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// As life_of() of tls.
  [[nodiscard]] std::expected<std::optional<CertificateLife>, std::string> life(
      const std::string& name) const;
  /// Both or none. The error names the file and the reason.
  [[nodiscard]] std::expected<void, std::string> save(const std::string& name,
                                                      const OrderedCertificate& ordered) const;

 private:
  [[nodiscard]] CertificateFiles files_of(const std::string& name) const;

  const std::string folder_;
};

}  // namespace aralez
