#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "control/acme/renewal.h"
#include "control/acme/renewal_info.h"

namespace aralez {

/// When the authority wants certificates replaced: earlier than they would be when it has to revoke
/// them. Any thread.
class RenewalWishes {
 public:
  struct Wish {
    std::string id;  ///< of the certificate
    std::chrono::system_clock::time_point time;
    std::chrono::seconds ask_again{kRenewalPeriod};  ///< from when it was asked for
    std::string explanation;
  };

  /// Asks for the certificate of `name`; waits for the authority. Nothing changes when it does not
  /// know it, or does not answer. True when what is wished for is another time than before.
  bool ask(AcmeClient& client, const std::string& name, const CertificateLife& life);
  /// What is known of that very certificate.
  [[nodiscard]] std::optional<Wish> of(const std::string& name, const CertificateLife& life) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Wish> wishes_;  ///< by name; guarded by mutex_
};

}  // namespace aralez
