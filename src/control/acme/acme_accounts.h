#pragma once

#include <expected>
#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"
#include "control/acme/account_files.h"
#include "control/acme/acme_client.h"

namespace aralez {

/// The account with the authority: kept in files, made when it is needed (RFC 8555 section 7.3).
/// Any thread; who makes one is waited for by the others.
class AcmeAccounts {
 public:
  /// All but `folder`, which is copied, outlive it.
  AcmeAccounts(const AcmeConfig& ca, const std::string& folder, Logger& logger)
      : ca_(ca), files_(folder), logger_(logger) {}

  /// The one that there is, or a new one. Pre: `client` is open.
  [[nodiscard]] std::expected<AcmeAccount, AcmeError> open(AcmeClient& client);
  /// Another URL for the key of `account`, which the authority has forgotten.
  [[nodiscard]] std::expected<AcmeAccount, AcmeError> open_again(AcmeClient& client,
                                                                 AcmeAccount account);

 private:
  [[nodiscard]] AccountFiles::Authority authority(const AcmeClient& client) const;
  /// The terms of the authority are agreed to.
  [[nodiscard]] std::expected<AcmeAccount, AcmeError> enroll(AcmeClient& client,
                                                             AcmeAccount account);
  [[nodiscard]] std::expected<AcmeAccount, AcmeError> keep(AcmeClient& client, AcmeAccount account);

  const AcmeConfig& ca_;
  const AccountFiles files_;
  Logger& logger_;
  std::mutex mutex_;                   ///< held while one is made
  std::optional<AcmeAccount> unkept_;  ///< made, and its file could not be written
};

}  // namespace aralez
