#include "control/acme/certificate_orders.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include "config/replace_file.h"
#include "control/acme/register.h"
#include "control/acme/renewal.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using SystemClock = std::chrono::system_clock;
using std::chrono::seconds;

std::string names_file_in(const std::string& folder) {
  return (fs::path(folder) / "autoconfigs" / "domains.json").string();
}

std::vector<std::string> names_files(const std::string& own, const std::string& other) {
  std::vector<std::string> files{names_file_in(own)};
  if (fs::path(other).lexically_normal() != fs::path(own).lexically_normal())
    files.push_back(names_file_in(other));
  return files;
}

std::string folder_of_accounts(const std::string& state_folder) {
  return (fs::path(state_folder) / "autoconfigs").string();
}

}  // namespace

/// Holds a name; waits until nobody else does.
class CertificateOrders::Busy {
 public:
  Busy(CertificateOrders& orders, const std::string& name) : orders_(orders), name_(name) {
    std::unique_lock lock(orders_.mutex_);
    held_ = orders_.changed_.wait(lock, orders_.stop_.get_token(),
                                  [this] { return !orders_.busy_.contains(name_); });
    if (held_) orders_.busy_.insert(name_);
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    if (!held_) return;
    const std::lock_guard lock(orders_.mutex_);
    orders_.busy_.erase(name_);
    orders_.changed_.notify_all();
  }

 private:
  CertificateOrders& orders_;
  const std::string& name_;
  bool held_ = false;  ///< not, once it is to stop
};

CertificateOrders::CertificateOrders(Setup setup)
    : setup_(std::move(setup)),
      accounts_(folder_of_accounts(setup_.state_folder)),
      names_(names_files(setup_.state_folder, setup_.other_state_folder)),
      report_{.directory = setup_.ca.directory, .account = {}} {}

std::expected<AcmeAccount, AcmeError> CertificateOrders::open_account(AcmeClient& client) {
  const AccountFiles::Authority authority{.directory = setup_.ca.directory,
                                          .new_account = client.directory().new_account};
  const std::lock_guard registering(account_mutex_);
  auto kept = accounts_.find(authority);
  if (!kept) return std::unexpected(AcmeError{std::move(kept.error())});
  if (!*kept) {
    auto key = SigningKey::generate();
    if (!key) return std::unexpected(AcmeError{"OpenSSL makes no key"});
    *kept = AcmeAccount{.key = std::move(*key)};
    if (auto made = register_again(client, **kept); !made)
      return std::unexpected(std::move(made.error()));
  }
  const std::lock_guard lock(mutex_);
  report_.account = (*kept)->url;
  return std::move(**kept);
}

std::expected<void, AcmeError> CertificateOrders::register_again(AcmeClient& client,
                                                                 AcmeAccount& account) {
  auto url = register_account(client, setup_.ca, account);
  if (!url) return std::unexpected(std::move(url.error()));
  account.url = std::move(*url);
  if (auto kept = accounts_.keep(account, {.directory = setup_.ca.directory,
                                           .new_account = client.directory().new_account});
      !kept)
    return std::unexpected(AcmeError{std::move(kept.error())});
  say(LogLevel::info, fmt::format("account {} at {}", one_line(account.url), setup_.ca.directory));
  return {};
}

std::expected<std::string, std::string> CertificateOrders::create_account() {
  AcmeClient client(setup_.ca, stop_.get_token());
  if (auto ok = client.open(); !ok) return std::unexpected(std::move(ok.error().text));
  auto account = open_account(client);
  if (!account) return std::unexpected(std::move(account.error().text));
  return std::move(account->url);
}

std::expected<OrderedCertificate, AcmeError> CertificateOrders::run_order(
    const std::string& name, const std::string& replaces) {
  AcmeClient client(setup_.ca, stop_.get_token());
  if (auto ok = client.open(); !ok) return std::unexpected(std::move(ok.error()));
  auto account = open_account(client);
  if (!account) return std::unexpected(std::move(account.error()));
  auto ordered = order_certificate(client, *account, name, *setup_.challenges, replaces);
  if (ordered || ordered.error().type != "accountDoesNotExist") return ordered;
  account->url.clear();
  if (auto again = register_again(client, *account); !again)
    return std::unexpected(std::move(again.error()));
  return order_certificate(client, *account, name, *setup_.challenges, replaces);
}

CertificateFiles CertificateOrders::files_of(const std::string& name) const {
  const fs::path folder(setup_.certificate_folder);
  return {.chain = (folder / (name + ".crt")).string(), .key = (folder / (name + ".key")).string()};
}

std::expected<void, std::string> CertificateOrders::save(const std::string& name,
                                                         const OrderedCertificate& ordered) const {
  std::error_code failed;
  if (fs::create_directories(setup_.certificate_folder, failed))
    fs::permissions(setup_.certificate_folder, fs::perms::owner_all, failed);
  if (failed)
    return std::unexpected(
        fmt::format("{} cannot be made: {}", setup_.certificate_folder, failed.message()));
  const CertificateFiles files = files_of(name);
  if (auto ok = replace_file(files.key, ordered.key.pem(), FileAccess::owner_alone); !ok) return ok;
  return replace_file(files.chain, ordered.chain.pem);
}

CertificateOrders::Plan CertificateOrders::plan_for(const std::string& name) const {
  const auto life = life_of(files_of(name), name, std::time(nullptr));
  if (!life) return {};
  Plan plan{.order_at = renewal_time(*life)};
  if (const auto wish = wishes_.of(name, *life)) {
    plan.order_at = std::min(plan.order_at, wish->time);
    plan.look_again = wish->ask_again;
    plan.replaces = life->id;
  }
  return plan;
}

std::expected<CertificateOrders::Outcome, AcmeError> CertificateOrders::attempt(
    const std::string& name) {
  const Busy busy(*this, name);
  if (stop_.stop_requested()) return std::unexpected(AcmeError{"the process is about to end"});
  const Plan plan = plan_for(name);
  if (plan.order_at > SystemClock::now()) return Outcome::fresh;
  auto ordered = run_order(name, plan.replaces);
  if (ordered)
    if (auto saved = save(name, *ordered); !saved)
      ordered = std::unexpected(AcmeError{std::move(saved.error())});
  {
    const std::lock_guard lock(mutex_);
    ++(ordered ? report_.issued : report_.failed);
  }
  if (!ordered) return std::unexpected(std::move(ordered.error()));
  say(LogLevel::info, fmt::format("{}: certificate issued, valid until {:%Y-%m-%d %H:%M:%S} UTC",
                                  name, fmt::gmtime(ordered->chain.life.ends)));
  setup_.on_certificate();
  return Outcome::issued;
}

std::expected<CertificateOrders::Outcome, std::string> CertificateOrders::order(
    std::string_view text) {
  const auto name = certificate_name(text);
  if (!name) return std::unexpected(name.error());
  // What cannot be kept is not asked for.
  if (const auto known = names_.read(); !known) return std::unexpected(known.error());
  const auto outcome = attempt(*name);
  if (!outcome) {
    say(LogLevel::warn, fmt::format("{}: no certificate: {}", *name, outcome.error().text));
    return std::unexpected(outcome.error().text);
  }
  const std::lock_guard lock(mutex_);
  if (auto kept = names_.add(*name); !kept) {
    say(LogLevel::error, fmt::format("{} will not be renewed: {}", *name, kept.error()));
    return *outcome;
  }
  managed_[*name] = {};  // looked at, and given its time
  poked_ = true;
  changed_.notify_all();
  return *outcome;
}

void CertificateOrders::start() {
  thread_ = std::jthread([this] { run(); });
}

void CertificateOrders::poke() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, managed] : managed_) managed.due = {};
  poked_ = true;
  changed_.notify_all();
}

void CertificateOrders::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void CertificateOrders::run() {
  const auto stop = stop_.get_token();
  while (!stop.stop_requested()) {
    refresh_names();
    std::vector<std::string> due;
    {
      const std::lock_guard lock(mutex_);
      poked_ = false;
      for (const auto& [name, managed] : managed_)
        if (managed.due <= Clock::now()) due.push_back(name);
    }
    if (!due.empty()) look_after(due);
    std::unique_lock lock(mutex_);
    auto next = Clock::now() + kRenewalPeriod;
    for (const auto& [name, managed] : managed_) next = std::min(next, managed.due);
    changed_.wait_until(lock, stop, next, [this] { return poked_; });
  }
}

void CertificateOrders::refresh_names() {
  std::vector<std::string> flaws;
  const auto names = names_.read(&flaws);
  if (!names) flaws.push_back(names.error());
  const std::lock_guard lock(mutex_);
  for (const std::string& flaw : flaws)
    if (told_.insert(flaw).second) say(LogLevel::warn, flaw);
  if (!names) return;  // those of before stay
  std::erase_if(managed_, [&](const auto& item) { return !names->contains(item.first); });
  for (const std::string& name : *names) managed_.try_emplace(name);
}

void CertificateOrders::look_after(const std::vector<std::string>& names) {
  AcmeClient client(setup_.ca, stop_.get_token());
  const bool tells_times = client.open() && !client.directory().renewal_info.empty();
  for (const std::string& name : names) {
    if (stop_.stop_requested()) return;
    if (tells_times) hear_wish(client, name);
    look_after(name);
  }
}

void CertificateOrders::hear_wish(AcmeClient& client, const std::string& name) {
  const auto life = life_of(files_of(name), name, std::time(nullptr));
  if (!life || !wishes_.ask(client, name, *life)) return;
  const auto wish = wishes_.of(name, *life);
  if (wish && wish->time <= SystemClock::now() && wish->time < renewal_time(*life))
    say(LogLevel::warn, fmt::format("{}: the authority wants the certificate replaced by now {}",
                                    name, wish->explanation));
}

void CertificateOrders::look_after(const std::string& name) {
  const auto outcome = attempt(name);
  if (outcome)
    note_success(name);
  else if (!stop_.stop_requested())
    note_failure(name, outcome.error());
}

void CertificateOrders::note_success(const std::string& name) {
  const Plan plan = plan_for(name);
  const auto wait = std::min(next_look(plan.order_at - SystemClock::now()), plan.look_again);
  const std::lock_guard lock(mutex_);
  if (const auto at = managed_.find(name); at != managed_.end())
    at->second = {.due = Clock::now() + wait};
}

void CertificateOrders::note_failure(const std::string& name, const AcmeError& why) {
  const std::lock_guard lock(mutex_);
  const auto at = managed_.find(name);
  if (at == managed_.end()) return;
  Managed& managed = at->second;
  const auto wait = std::max(retry_pause(++managed.failures), why.retry_after.value_or(seconds{0}));
  managed.due = Clock::now() + wait;
  managed.trouble = why.text;
  say(LogLevel::warn, fmt::format("{}: no certificate: {}; next try in {} min", name, why.text,
                                  std::chrono::ceil<std::chrono::minutes>(wait).count()));
}

AcmeReport CertificateOrders::report() const {
  const std::lock_guard lock(mutex_);
  AcmeReport out = report_;
  for (const auto& [name, managed] : managed_)
    out.names.push_back({.name = name,
                         .trouble = managed.trouble,
                         .next_look = SystemClock::now() +
                                      std::chrono::duration_cast<SystemClock::duration>(
                                          std::max(managed.due, Clock::now()) - Clock::now())});
  return out;
}

void CertificateOrders::say(LogLevel level, const std::string& text) const {
  setup_.logger.write(level, "aralez::control::acme", text);
}

}  // namespace aralez
