#include "control/discovery/kubernetes/follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "control/discovery/backoff.h"
#include "control/discovery/kubernetes/slice_watch.h"
#include "control/json/json_access.h"

namespace aralez::kubernetes {
namespace {

using std::chrono::seconds;

constexpr long kOk = 200;
constexpr long kForbidden = 403;
constexpr long kNotFound = 404;
constexpr long kGone = 410;

constexpr std::size_t kMaxBody = std::size_t{32} * 1024 * 1024;
constexpr unsigned kMaxPages = 1000;
constexpr seconds kAnswerTime{10};
constexpr seconds kWatchTime{60};
/// Between the begins of two watches, whatever ends them.
constexpr seconds kWatchPeriod{1};
/// A watch that has lived as long shows that the server works.
constexpr seconds kSettled{5};
constexpr seconds kPollPeriod{5};
constexpr std::chrono::minutes kSlicesAgain{3};

bool is_refused(long status) {
  return status == kForbidden || status == kNotFound;
}

std::set<std::string> names_in(const std::vector<ServiceKey>& services) {
  std::set<std::string> names;
  for (const ServiceKey& service : services) names.insert(service.name);
  return names;
}

std::string status_text(long status) {
  return fmt::format("status {}", status);
}

}  // namespace

Follower::Follower(const Api& api, std::vector<ServiceKey> services, ServiceListener& listener,
                   const std::stop_token& stop)
    : api_(api),
      services_(std::move(services)),
      names_(names_in(services_)),
      listener_(listener),
      stop_(stop),
      fetcher_(std::make_unique<Fetcher>()),
      store_(names_) {}

void Follower::run() {
  State state = State::list;
  while (!stop_.stop_requested()) {
    const Next next = step(state);
    state = next.value_or(State::list);
    if (!next && !stop_.stop_requested()) recover(next.error());
  }
}

Follower::Next Follower::step(State state) {
  switch (state) {
    case State::list: return list();
    case State::watch: return watch();
    case State::poll: break;
  }
  return poll();
}

void Follower::recover(const std::string& why) {
  const std::size_t count = api_.servers().size();
  fetcher_ = std::make_unique<Fetcher>();
  server_ = (server_ + 1) % count;
  ++failures_;
  if (failures_ % count == 0) {
    for (const ServiceKey& service : services_) listener_.failed(service, why);
    wait(backoff(failures_ / static_cast<unsigned>(count)));
  }
}

std::string Follower::at_server(std::string_view what) const {
  return fmt::format("{}: {}", api_.servers()[server_], what);
}

std::expected<FetchAnswer, std::string> Follower::get(const std::string& path) {
  auto request = api_.request(api_.servers()[server_] + path);
  if (!request) return std::unexpected(std::move(request.error()));
  request->max_bytes = kMaxBody;
  request->timeout = kAnswerTime;
  auto answer = fetcher_->ask(*request, stop_);
  if (!answer) return std::unexpected(at_server(answer.error()));
  return answer;
}

Follower::State Follower::give_up_slices() {
  slices_again_ = Clock::now() + kSlicesAgain;
  return State::poll;
}

Follower::Next Follower::list() {
  auto space = api_.name_space();
  if (!space) return std::unexpected(std::move(space.error()));
  space_ = std::move(*space);
  SliceStore store(names_);
  SlicePage page;
  for (unsigned pages = 0; pages == 0 || !page.continued.empty(); ++pages) {
    if (pages == kMaxPages) return std::unexpected(at_server("a list without an end"));
    const auto answer = get(list_path(space_, names_, page.continued));
    if (!answer) return std::unexpected(answer.error());
    if (is_refused(answer->status)) return give_up_slices();
    if (answer->status != kOk) return std::unexpected(at_server(status_text(answer->status)));
    auto read = read_page(answer->body, store);
    if (!read) return std::unexpected(at_server(read.error()));
    page = std::move(*read);
  }
  store_ = std::move(store);
  version_ = std::move(page.version);
  static_cast<void>(store_.take_changed());
  tell_found(names_);
  return State::watch;
}

Follower::Next Follower::watch() {
  SliceWatch watch(store_, version_);
  const auto begin = Clock::now();
  auto request =
      api_.request(api_.servers()[server_] +
                   watch_path(space_, names_, version_, static_cast<unsigned>(kWatchTime.count())));
  if (!request) return std::unexpected(std::move(request.error()));
  request->max_bytes = kMaxBody;
  request->timeout = kWatchTime + kAnswerTime;
  request->on_text = [&](std::string_view piece) {
    const bool go_on = watch.take(piece);
    tell_found(store_.take_changed());
    return go_on;
  };
  const auto answer = fetcher_->ask(*request, stop_);
  if (Clock::now() - begin >= kSettled) failures_ = 0;
  if (!answer) return std::unexpected(at_server(answer.error()));
  if (is_refused(answer->status)) return give_up_slices();
  const bool is_gone = answer->status == kGone || watch.state() == SliceWatch::State::gone;
  if (answer->status != kOk && !is_gone)
    return std::unexpected(at_server(status_text(answer->status)));
  if (watch.state() == SliceWatch::State::broken) return std::unexpected(at_server(watch.why()));
  failures_ = 0;
  wait(begin + kWatchPeriod - Clock::now());
  return is_gone ? State::list : State::watch;
}

std::expected<std::vector<Slice>, std::string> Follower::subsets_of(const std::string& name,
                                                                    Troubles& troubles) {
  const auto answer = get(endpoints_path(space_, name));
  if (!answer) return std::unexpected(answer.error());
  if (answer->status == kNotFound && says_not_found(parse_json(answer->body), name)) return {};
  std::string_view what = "the answer is no Endpoints";
  if (answer->status == kOk) {
    if (auto subsets = read_endpoints(parse_json(answer->body))) return std::move(*subsets);
    troubles[name] = at_server(what);
    return {};
  }
  what = answer->status == kForbidden ? ": neither endpointslices nor endpoints may be read" : "";
  troubles[name] = at_server(status_text(answer->status)).append(what);
  return {};
}

/// One service whose answer is of no use does not keep the others from theirs.
Follower::Next Follower::poll() {
  auto space = api_.name_space();
  if (!space) return std::unexpected(std::move(space.error()));
  space_ = std::move(*space);
  Troubles troubles;
  for (const std::string& name : names_) {
    const auto subsets = subsets_of(name, troubles);
    if (!subsets) return std::unexpected(subsets.error());
    if (troubles.contains(name)) continue;
    std::vector<const Slice*> slices;
    slices.reserve(subsets->size());
    for (const Slice& subset : *subsets) slices.push_back(&subset);
    for_each_key(name, [&](const ServiceKey& service) {
      listener_.found(service, servers_of(slices, service.port));
    });
  }
  if (!troubles.empty() && troubles.size() == names_.size())
    return std::unexpected(troubles.begin()->second);
  for (const auto& [name, why] : troubles)
    for_each_key(name, [&](const ServiceKey& service) { listener_.failed(service, why); });
  failures_ = 0;
  wait(kPollPeriod);
  return Clock::now() < slices_again_ ? State::poll : State::list;
}

template <class Tell>
void Follower::for_each_key(const std::string& name, Tell&& tell) const {
  for (const ServiceKey& service : services_)
    if (service.name == name) tell(service);
}

void Follower::tell_found(const std::set<std::string>& names) {
  for (const std::string& name : names)
    for_each_key(name, [&](const ServiceKey& service) {
      listener_.found(service, store_.servers(service));
    });
}

void Follower::wait(Clock::duration time) const {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any stopped;
  stopped.wait_for(lock, stop_, time, [] { return false; });
}

}  // namespace aralez::kubernetes
