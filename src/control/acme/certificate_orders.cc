#include "control/acme/certificate_orders.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/replace_file.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

std::string part_of(const std::string& state_folder) {
  return (fs::path(state_folder) / "autoconfigs").string();
}

std::vector<std::string> names_files(const std::string& own, const std::string& other) {
  const auto file_in = [](const std::string& folder) {
    return fs::path(part_of(folder)) / "domains.json";
  };
  const auto place = [&file_in](const std::string& folder) {
    std::error_code failed;
    const fs::path file = fs::absolute(file_in(folder), failed);
    return (failed ? file_in(folder) : file).lexically_normal();
  };
  std::vector<std::string> files{file_in(own).string()};
  if (place(own) != place(other)) files.push_back(file_in(other).string());
  return files;
}

}  // namespace

CertificateOrders::CertificateOrders(Setup setup)
    : setup_(std::move(setup)),
      state_folder_(part_of(setup_.state_folder)),
      files_(setup_.certificate_folder),
      names_(names_files(setup_.state_folder, setup_.other_state_folder)),
      accounts_(setup_.ca, state_folder_, setup_.logger),
      report_{.directory = setup_.ca.directory} {}

std::expected<std::string, std::string> CertificateOrders::create_account() {
  if (auto ok = check_writable(state_folder_); !ok) return std::unexpected(std::move(ok.error()));
  AcmeClient client(setup_.ca, stop_.get_token());
  if (auto ok = client.open(); !ok) return std::unexpected(std::move(ok.error().text));
  auto account = accounts_.open(client);
  if (!account) return std::unexpected(std::move(account.error().text));
  const std::lock_guard lock(mutex_);
  report_.account = account->url;
  return std::move(account->url);
}

std::expected<OrderedCertificate, AcmeError> CertificateOrders::run_order(
    const std::string& name, const std::string& replaces) {
  AcmeClient client(setup_.ca, stop_.get_token());
  if (auto ok = client.open(); !ok) return std::unexpected(std::move(ok.error()));
  auto account = accounts_.open(client);
  if (!account) return std::unexpected(std::move(account.error()));
  auto ordered = order_certificate(client, *account, name, *setup_.challenges, replaces);
  if (!ordered && ordered.error().type == "accountDoesNotExist") {
    account = accounts_.open_again(client, std::move(*account));
    if (!account) return std::unexpected(std::move(account.error()));
    ordered = order_certificate(client, *account, name, *setup_.challenges, {});
  }
  const std::lock_guard lock(mutex_);
  report_.account = account->url;
  return ordered;
}

std::expected<CertificateOrders::Plan, AcmeError> CertificateOrders::plan_for(
    const std::string& name) const {
  const auto life = files_.life(name);
  if (!life) return std::unexpected(AcmeError{life.error()});
  if (!*life) return Plan();
  Plan plan{.order_at = renewal_time(**life)};
  if (const auto wish = wishes_.of(name, **life)) {
    plan.order_at = std::min(plan.order_at, wish->time);
    plan.look_again = wish->ask_again;
    plan.replaces = (*life)->id;
  }
  return plan;
}

std::expected<void, std::string> CertificateOrders::check_folders() const {
  for (const std::string& folder : {state_folder_, files_.folder()})
    if (auto ok = check_writable(folder); !ok) return ok;
  return {};
}

std::expected<void, AcmeError> CertificateOrders::issue(const std::string& name,
                                                        const std::string& replaces) {
  if (auto ok = check_folders(); !ok) return std::unexpected(AcmeError{std::move(ok.error())});
  std::unique_lock lock(mutex_);
  auto left = unsaved_.extract(name);
  lock.unlock();
  if (left && renewal_time(left.mapped().chain.life) <= SystemClock::now()) left = {};
  auto ordered = left ? std::move(left.mapped()) : run_order(name, replaces);
  if (!ordered) return std::unexpected(std::move(ordered.error()));
  const auto ends = ordered->chain.life.ends;
  if (auto saved = files_.save(name, *ordered); !saved) {
    lock.lock();
    unsaved_.insert_or_assign(name, std::move(*ordered));
    return std::unexpected(AcmeError{std::move(saved.error())});
  }
  say(LogLevel::info, fmt::format("{}: certificate issued, valid until {:%Y-%m-%d %H:%M:%S} UTC",
                                  name, fmt::gmtime(ends)));
  setup_.on_certificate();
  return {};
}

std::expected<CertificateOrders::Outcome, AcmeError> CertificateOrders::attempt(
    const std::string& name) {
  const BusyNames::Hold hold(busy_, name, stop_.get_token());
  if (stop_.stop_requested()) return std::unexpected(process_ends());
  if (!hold.held())
    return std::unexpected(
        AcmeError{.text = "an order is under way and another one waits for it", .no_order = true});
  const auto plan = plan_for(name);
  if (!plan) return std::unexpected(plan.error());
  if (plan->order_at > SystemClock::now()) return Outcome::fresh;
  auto issued = issue(name, plan->replaces);
  const std::lock_guard lock(mutex_);
  ++(issued ? report_.issued : report_.failed);
  if (!issued) return std::unexpected(std::move(issued.error()));
  return Outcome::issued;
}

std::expected<void, std::string> CertificateOrders::manage(const std::string& name) {
  const std::lock_guard adding(names_mutex_);
  if (auto added = names_.add(name); !added) return added;
  const std::lock_guard lock(mutex_);
  managed_.try_emplace(name);
  changes_ = true;
  changed_.notify_all();
  return {};
}

std::expected<CertificateOrders::Outcome, std::string> CertificateOrders::order(
    std::string_view text) {
  const auto name = certificate_name(text);
  if (!name) return std::unexpected(name.error());
  if (const auto known = names_.read(); !known) return std::unexpected(known.error());
  const auto outcome = attempt(*name);
  if (!outcome) {
    if (!note(*name, outcome))
      say(LogLevel::warn, fmt::format("{}: no certificate: {}", *name, outcome.error().text));
    return std::unexpected(outcome.error().text);
  }
  if (const auto managed = manage(*name); !managed) {
    say(LogLevel::error, fmt::format("{} will not be renewed: {}", *name, managed.error()));
    return std::unexpected("there is one, but it will not be renewed: " + managed.error());
  }
  note(*name, outcome);
  return *outcome;
}

void CertificateOrders::start() {
  thread_ = std::jthread([this] { run(); });
}

void CertificateOrders::poke() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, managed] : managed_) managed.due = managed.not_before;
  changes_ = poked_ = true;
  changed_.notify_all();
}

void CertificateOrders::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void CertificateOrders::run() {
  const auto stop = stop_.get_token();
  while (!stop.stop_requested()) {
    if (const auto names = due_names(); !names.empty()) look_at(names);
    std::unique_lock lock(mutex_);
    auto next = Clock::now() + kRenewalPeriod;
    for (const auto& [name, managed] : managed_) next = std::min(next, managed.due);
    changed_.wait_until(lock, stop, next, [this] { return changes_; });
  }
}

std::vector<std::string> CertificateOrders::due_names() {
  std::unique_lock lock(mutex_);
  changes_ = poked_ = false;  // before the files are read: what comes now counts once more
  lock.unlock();
  refresh_names();
  lock.lock();
  std::vector<std::string> due;
  for (const auto& [name, managed] : managed_)
    if (managed.due <= Clock::now()) due.push_back(name);
  return due;
}

void CertificateOrders::refresh_names() {
  std::vector<std::string> flaws;
  const auto names = names_.read(&flaws);
  if (!names) flaws.push_back(names.error());
  const std::lock_guard lock(mutex_);
  report_.trouble = names ? "" : names.error();
  for (const std::string& flaw : flaws)
    if (std::ranges::find(told_, flaw) == told_.end()) say(LogLevel::warn, flaw);
  told_ = std::move(flaws);
  if (!names) return;  // those of before stay
  std::erase_if(managed_, [&](const auto& item) { return !names->contains(item.first); });
  for (const std::string& name : *names) managed_.try_emplace(name);
}

void CertificateOrders::look_at(const std::vector<std::string>& names) {
  constexpr std::size_t kAtOnce = 4;
  std::atomic<std::size_t> next{0};
  const auto look = [&] {
    AcmeClient client(setup_.ca, stop_.get_token());
    const bool tells_times = client.open() && !client.directory().renewal_info.empty();
    for (std::size_t i; (i = next++) < names.size();) {
      if (tells_times) hear_wish(client, names[i]);
      const auto outcome = attempt(names[i]);
      if (stop_.stop_requested()) return;
      note(names[i], outcome);
    }
  };
  std::vector<std::jthread> others;
  try {
    while (others.size() + 1 < std::min(kAtOnce, names.size())) others.emplace_back(look);
  } catch (const std::system_error&) {  // there are no more threads: fewer will do
  }
  look();
}

void CertificateOrders::hear_wish(AcmeClient& client, const std::string& name) {
  const auto life = files_.life(name);
  if (!life || !*life || !wishes_.ask(client, name, **life)) return;
  const auto wish = wishes_.of(name, **life);
  if (wish && wish->time <= SystemClock::now() && wish->time < renewal_time(**life))
    say(LogLevel::warn, fmt::format("{}: the authority wants the certificate replaced by now {}",
                                    name, wish->explanation));
}

AcmeError CertificateOrders::trouble_of(const std::expected<Outcome, AcmeError>& outcome,
                                        const std::expected<Plan, AcmeError>& plan) {
  if (!plan) return plan.error();
  const bool due_again = *outcome == Outcome::issued && plan->order_at <= SystemClock::now();
  return {due_again ? "what was issued is to be renewed at once; is the clock right?" : ""};
}

bool CertificateOrders::note(const std::string& name,
                             const std::expected<Outcome, AcmeError>& outcome) {
  const auto plan = outcome ? plan_for(name) : std::unexpected(outcome.error());
  const AcmeError trouble = trouble_of(outcome, plan);
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  const auto at = managed_.find(name);
  if (at == managed_.end()) return false;
  Managed& managed = at->second;
  changes_ = true;
  changed_.notify_all();
  if (trouble.no_order) {
    managed.due = std::max(managed.due, now + kLeastPeriod);
    return true;
  }
  if (trouble.text.empty()) {
    const auto wait = std::min(next_look(plan->order_at - SystemClock::now()), plan->look_again);
    managed = {.due = poked_ ? now : now + wait};
    return true;
  }
  managed.trouble = trouble.text;
  managed.not_before = std::max(managed.not_before, now + trouble.retry_after.value_or(seconds{0}));
  const auto due = std::max(now + retry_pause(++managed.failures), managed.not_before);
  managed.due = poked_ ? managed.not_before : due;
  say(LogLevel::warn, fmt::format("{}: no certificate: {}; next try in {} min", name, trouble.text,
                                  std::chrono::ceil<std::chrono::minutes>(due - now).count()));
  return true;
}

AcmeReport CertificateOrders::report() const {
  const std::lock_guard lock(mutex_);
  AcmeReport out = report_;
  const auto now = Clock::now();
  for (const auto& [name, managed] : managed_)
    out.names.push_back(
        {.name = name,
         .trouble = managed.trouble,
         .next_look = SystemClock::now() + std::chrono::duration_cast<SystemClock::duration>(
                                               std::max(managed.due, now) - now)});
  return out;
}

void CertificateOrders::say(LogLevel level, const std::string& text) const {
  setup_.logger.write(level, "aralez::control::acme", text);
}

}  // namespace aralez
