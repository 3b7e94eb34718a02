#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "control/acme/account_files.h"
#include "control/acme/acme_report.h"
#include "control/acme/managed_names.h"
#include "control/acme/order.h"
#include "control/acme/renewal_wishes.h"

namespace aralez {

/// Certificates from a certificate authority (behaviour section 11): ordered when the API is asked
/// to, and renewed for all names for which that worked once. Blocking: for the control plane. Calls
/// may come on any threads at once; orders of one name wait for each other.
class CertificateOrders {
 public:
  struct Setup {
    AcmeConfig ca;
    std::string state_folder;        ///< with autoconfigs/
    std::string certificate_folder;  ///< of <name>.crt and <name>.key; both are made when missing
    std::string other_state_folder;  ///< whose managed names are read too; may be the same
    Logger& logger;
    std::shared_ptr<ChallengeTable> challenges;
    /// A pair of files is another; on the thread of the order.
    std::function<void()> on_certificate;
  };

  explicit CertificateOrders(Setup setup);
  CertificateOrders(const CertificateOrders&) = delete;
  CertificateOrders& operator=(const CertificateOrders&) = delete;
  ~CertificateOrders() { stop(); }

  /// The URL of the account, which is made when there is none. The error is for people.
  [[nodiscard]] std::expected<std::string, std::string> create_account();

  enum class Outcome : std::uint8_t { issued, fresh };
  /// A certificate for `name`, unless there is one that is good for long. The error is for people.
  [[nodiscard]] std::expected<Outcome, std::string> order(std::string_view name);

  /// From now on managed names are looked at, at once and then twice a day.
  void start();
  /// They are looked at now.
  void poke();
  /// Ends what is under way, and returns when the thread has ended; orders fail from now on.
  void stop();

  [[nodiscard]] AcmeReport report() const;

 private:
  using Clock = std::chrono::steady_clock;
  /// A managed name.
  struct Managed {
    unsigned failures = 0;  ///< in a row
    Clock::time_point due{};
    std::string trouble;  ///< of the last order; empty: none
  };
  class Busy;

  [[nodiscard]] std::expected<AcmeAccount, AcmeError> open_account(AcmeClient& client);
  /// The same key again, for an authority that has forgotten it.
  [[nodiscard]] std::expected<void, AcmeError> register_again(AcmeClient& client,
                                                              AcmeAccount& account);
  [[nodiscard]] std::expected<OrderedCertificate, AcmeError> run_order(const std::string& name,
                                                                       const std::string& replaces);
  [[nodiscard]] std::expected<void, std::string> save(const std::string& name,
                                                      const OrderedCertificate& ordered) const;
  [[nodiscard]] CertificateFiles files_of(const std::string& name) const;
  struct Plan {
    std::chrono::system_clock::time_point order_at{};  ///< in the past: now
    std::chrono::seconds look_again{kRenewalPeriod};   ///< at the latest
    std::string replaces;                              ///< see order_certificate()
  };
  [[nodiscard]] Plan plan_for(const std::string& name) const;
  [[nodiscard]] std::expected<Outcome, AcmeError> attempt(const std::string& name);

  void run();
  /// Managed names as the files have them.
  void refresh_names();
  void look_after(const std::vector<std::string>& names);
  void look_after(const std::string& name);
  void hear_wish(AcmeClient& client, const std::string& name);
  void note_success(const std::string& name);
  void note_failure(const std::string& name, const AcmeError& why);
  void say(LogLevel level, const std::string& text) const;

  const Setup setup_;
  const AccountFiles accounts_;
  const ManagedNames names_;
  RenewalWishes wishes_;
  std::stop_source stop_;
  std::mutex account_mutex_;  ///< one registers, the others wait
  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable_any changed_;
  std::map<std::string, Managed> managed_;
  std::set<std::string> busy_;  ///< names whose order is under way
  AcmeReport report_;           ///< without names
  std::set<std::string> told_;  ///< flaws of the files of names, once logged
  bool poked_ = false;
  std::jthread thread_;
};

}  // namespace aralez
