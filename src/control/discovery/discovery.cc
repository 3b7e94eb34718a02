#include "control/discovery/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "io/socket_address.h"

namespace aralez {
namespace {

using std::chrono::milliseconds;

/// Services that change at the same time become one configuration.
constexpr milliseconds kGather{100};
constexpr std::size_t kMostShown = 8;

auto address_of(const ServerConfig& s) {
  return std::tie(s.host, s.port, s.scheme);
}
bool is_before(const ServerConfig& a, const ServerConfig& b) {
  return address_of(a) < address_of(b);
}
bool is_same(const ServerConfig& a, const ServerConfig& b) {
  return address_of(a) == address_of(b);
}

void normalise(std::vector<ServerConfig>& servers) {
  std::sort(servers.begin(), servers.end(), is_before);
  servers.erase(std::unique(servers.begin(), servers.end(), is_same), servers.end());
}

/// " +10.0.0.1:80": what is in `now` and not in `before`.
std::string difference(char sign, const std::vector<ServerConfig>& now,
                       const std::vector<ServerConfig>& before) {
  std::vector<ServerConfig> more;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                      std::back_inserter(more), is_before);
  std::string out;
  for (std::size_t i = 0; i < std::min(more.size(), kMostShown); ++i)
    out += fmt::format(" {}{}", sign, host_and_port(more[i].host, more[i].port));
  if (more.size() > kMostShown)
    out += fmt::format(" and {} more with {}", more.size() - kMostShown, sign);
  return out;
}

std::string name_of(const ServiceKey& service) {
  return service.port.empty() ? service.name : fmt::format("{} ({})", service.name, service.port);
}

void add_setting(std::string& out, std::string_view value) {
  out += fmt::format("{}:{};", value.size(), value);
}

template <class Block>
void take_services(const Block& block, std::vector<ServiceKey>& out) {
  for (const ServiceConfig& service : block.services)
    out.push_back({service.upstream, service.port});
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

}  // namespace

DiscoverySpec discovery_spec(const UpstreamsConfig& config) {
  DiscoverySpec spec{.provider = config.provider};
  if (config.provider == Provider::consul) {
    take_services(*config.consul, spec.services);
    for (const auto& server : config.consul->servers) add_setting(spec.registry, server);
    add_setting(spec.registry, config.consul->token);
    add_setting(spec.registry, config.consul->ca_file);
  } else {
    take_services(*config.kubernetes, spec.services);
    for (const auto& server : config.kubernetes->servers) add_setting(spec.registry, server);
    add_setting(spec.registry, config.kubernetes->tokenpath);
    add_setting(spec.registry, config.kubernetes->ca_file);
    add_setting(spec.registry, config.kubernetes->name_space);
  }
  return spec;
}

Discovery::Discovery(DiscoverySpec spec, std::unique_ptr<ServiceRegistry> registry,
                     const DiscoveredServices& before, Logger& logger, Changed changed)
    : spec_(std::move(spec)),
      registry_(std::move(registry)),
      logger_(logger),
      changed_(std::move(changed)),
      waiting_(spec_.services.begin(), spec_.services.end()) {
  for (const ServiceKey& key : spec_.services) {
    const auto known = before.find(key);
    DiscoveredService& service = services_[key];
    if (known == before.end()) continue;
    service.servers = known->second.servers;
    service.answered = known->second.answered;
  }
  announcer_ = std::jthread([this](const std::stop_token& stop) { announce(stop); });
  follower_ = std::jthread(
      [this](const std::stop_token& stop) { registry_->follow(spec_.services, *this, stop); });
}

void Discovery::stop() {
  for (std::jthread* thread : {&announcer_, &follower_}) thread->request_stop();
  for (std::jthread* thread : {&announcer_, &follower_})
    if (thread->joinable()) thread->join();
}

void Discovery::wait_first(std::chrono::steady_clock::time_point until,
                           const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  news_.wait_until(lock, stop, until, [this] { return waiting_.empty(); });
}

bool Discovery::has_answered() const {
  const std::lock_guard lock(mutex_);
  return answered_;
}

DiscoveredServices Discovery::services() const {
  const std::lock_guard lock(mutex_);
  return services_;
}

DiscoveredServices Discovery::take() {
  const std::lock_guard lock(mutex_);
  is_new_ = false;
  return services_;
}

void Discovery::found(const ServiceKey& key, std::vector<ServerConfig> servers) {
  normalise(servers);
  const std::lock_guard lock(mutex_);
  const auto at = services_.find(key);
  if (at == services_.end()) return;
  DiscoveredService& service = at->second;
  waiting_.erase(key);
  if (!std::exchange(service.trouble, {}).empty() && --troubles_ == 0)
    say(LogLevel::info, "there are answers again");
  service.answered = std::chrono::system_clock::now();
  if (!std::exchange(answered_, true)) is_new_ = true;
  if (!service.servers || !std::equal(servers.begin(), servers.end(), service.servers->begin(),
                                      service.servers->end(), is_same)) {
    const auto before =
        std::exchange(service.servers, std::move(servers)).value_or(std::vector<ServerConfig>());
    say(LogLevel::info, fmt::format("{} has {} servers:{}{}", name_of(key), service.servers->size(),
                                    difference('+', *service.servers, before),
                                    difference('-', before, *service.servers)));
    is_new_ = true;
  }
  news_.notify_all();
}

void Discovery::failed(const ServiceKey& key, const std::string& why) {
  const std::lock_guard lock(mutex_);
  const auto at = services_.find(key);
  if (at == services_.end()) return;
  waiting_.erase(key);
  DiscoveredService& service = at->second;
  if (service.trouble.empty()) {
    ++troubles_;
    // A registry that is down is in the way of all of them, and said once.
    const bool is_known = std::any_of(services_.begin(), services_.end(), [&why](const auto& item) {
      return item.second.trouble == why;
    });
    say(is_known ? LogLevel::debug : LogLevel::warn,
        fmt::format("{}: {}; {}", name_of(key), why,
                    service.servers
                        ? "the servers that are known stay in use"
                        : "no servers are known: its routes answer 502 until there is an answer"));
  }
  service.trouble = why.empty() ? "no reason" : why;
  news_.notify_all();
}

void Discovery::announce(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (news_.wait(lock, stop, [this] { return is_new_; })) {
    news_.wait_for(lock, stop, kGather, [] { return false; });
    if (stop.stop_requested()) return;
    if (!is_new_) continue;
    is_new_ = false;
    lock.unlock();
    changed_(*this);
    lock.lock();
  }
}

void Discovery::say(LogLevel level, const std::string& text) {
  logger_.write(level, "aralez::control::discovery",
                fmt::format("{}: {}", to_string(spec_.provider), text));
}

bool knows_any(const DiscoveredServices& services) {
  return services.empty() || std::any_of(services.begin(), services.end(), [](const auto& item) {
           return item.second.servers.has_value();
         });
}

std::string troubles_of(const DiscoveredServices& services, Provider provider) {
  std::string out;
  std::set<std::string_view> said;
  for (const auto& [key, service] : services) {
    const std::string_view why =
        service.trouble.empty() ? "there is no answer yet" : std::string_view(service.trouble);
    if (!said.insert(why).second) continue;
    out += fmt::format("{}: {}: {}\n", to_string(provider), name_of(key), why);
  }
  return out;
}

}  // namespace aralez
