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
#include <vector>

#include "base/log.h"
#include "control/acme/acme_accounts.h"
#include "control/acme/acme_report.h"
#include "control/acme/busy_names.h"
#include "control/acme/issued_files.h"
#include "control/acme/managed_names.h"
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
  /// They are looked at now, but for those whose authority wants to be left alone.
  void poke();
  /// Ends what is under way, and returns when the thread has ended; orders fail from now on.
  void stop();

  [[nodiscard]] AcmeReport report() const;

 private:
  using Clock = std::chrono::steady_clock;
  using SystemClock = std::chrono::system_clock;
  /// A managed name.
  struct Managed {
    unsigned failures = 0;  ///< in a row
    Clock::time_point due{};
    Clock::time_point not_before{};  ///< the authority says so
    std::string trouble = {};        ///< of the last order; empty: none
  };
  /// What is to be done about a name.
  struct Plan {
    SystemClock::time_point order_at{};               ///< in the past: now
    std::chrono::seconds look_again{kRenewalPeriod};  ///< at the latest
    std::string replaces = {};                        ///< see order_certificate()
  };

  [[nodiscard]] std::expected<Plan, AcmeError> plan_for(const std::string& name) const;
  /// Orders what the plan says.
  [[nodiscard]] std::expected<Outcome, AcmeError> attempt(const std::string& name);
  [[nodiscard]] std::expected<void, AcmeError> issue(const std::string& name,
                                                     const std::string& replaces);
  [[nodiscard]] std::expected<OrderedCertificate, AcmeError> run_order(const std::string& name,
                                                                       const std::string& replaces);
  /// What cannot be kept is not asked for.
  [[nodiscard]] std::expected<void, std::string> check_folders() const;
  [[nodiscard]] std::expected<void, std::string> manage(const std::string& name);

  void run();
  /// Managed names as the files have them.
  void refresh_names();
  [[nodiscard]] std::vector<std::string> due_names();
  /// Some at once: one that takes long holds up few.
  void look_at(const std::vector<std::string>& names);
  void hear_wish(AcmeClient& client, const std::string& name);
  /// Without a text: none. `plan` is there only when `outcome` is.
  [[nodiscard]] static AcmeError trouble_of(const std::expected<Outcome, AcmeError>& outcome,
                                            const std::expected<Plan, AcmeError>& plan);
  /// What came of an attempt decides when the next one is. False: the name is not managed.
  bool note(const std::string& name, const std::expected<Outcome, AcmeError>& outcome);
  void say(LogLevel level, const std::string& text) const;

  const Setup setup_;
  const std::string state_folder_;  ///< autoconfigs/
  const IssuedFiles files_;
  const ManagedNames names_;
  AcmeAccounts accounts_;
  RenewalWishes wishes_;
  BusyNames busy_;
  std::stop_source stop_;
  std::mutex names_mutex_;    ///< one adds a name to its file
  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable_any changed_;
  std::map<std::string, Managed> managed_;
  /// What was issued and could not be saved: the next attempt saves it.
  std::map<std::string, OrderedCertificate> unsaved_;
  AcmeReport report_;              ///< without names
  std::vector<std::string> told_;  ///< flaws of the files of names, as they are logged
  bool changes_ = false;           ///< the thread has to think again about what is due
  bool poked_ = false;             ///< everything is due again
  std::jthread thread_;
};

}  // namespace aralez
