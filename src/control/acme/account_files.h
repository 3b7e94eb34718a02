#pragma once

#include <expected>
#include <optional>
#include <string>

#include "control/acme/acme_client.h"

namespace aralez {

/// Where accounts are kept, in the form that the original has (behaviour section 11):
/// `acme_credentials.json`, and for an authority other than that file's one
/// `acme_credentials.<digest of its directory>.json`. No account is ever lost: a file is replaced
/// by one of the same authority alone.
class AccountFiles {
 public:
  /// `folder` has to be there for keep().
  explicit AccountFiles(std::string folder) : folder_(std::move(folder)) {}

  /// Which authority, and how older files name it.
  struct Authority {
    std::string directory;
    std::string new_account;  ///< URL
  };
  /// Nothing: there is none. The error names a file that cannot be understood.
  [[nodiscard]] std::expected<std::optional<AcmeAccount>, std::string> find(
      const Authority& of) const;
  /// The error names the file and the reason.
  [[nodiscard]] std::expected<void, std::string> keep(const AcmeAccount& account,
                                                      const Authority& of) const;

 private:
  struct Found {
    std::string file;  ///< that is the authority's, whether it is there or not
    std::optional<AcmeAccount> account;
  };
  [[nodiscard]] std::expected<Found, std::string> look(const Authority& of) const;

  const std::string folder_;
};

}  // namespace aralez
