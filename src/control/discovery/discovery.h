#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "control/discovery/service_registry.h"

namespace aralez {

/// What is asked, and whom. Equal: the answers are the same.
struct DiscoverySpec {
  Provider provider = Provider::consul;
  std::string registry;              ///< all settings of where and how; secret
  std::vector<ServiceKey> services;  ///< sorted, none twice

  friend bool operator==(const DiscoverySpec&, const DiscoverySpec&) = default;
  /// Whether the other asks the same registry in the same way.
  [[nodiscard]] bool same_registry(const DiscoverySpec& other) const {
    return provider == other.provider && registry == other.registry;
  }
};
/// Pre: its provider is a registry, whose block is there.
[[nodiscard]] DiscoverySpec discovery_spec(const UpstreamsConfig& config);

/// What is known of a service.
struct DiscoveredService {
  /// Sorted, none twice; nullopt: no answer yet. They stay when the registry cannot be asked.
  std::optional<std::vector<ServerConfig>> servers;
  std::optional<std::chrono::system_clock::time_point> answered;  ///< the last time
  std::string trouble;  ///< why the last question has no answer; empty: it has, or none was asked
};
using DiscoveredServices = std::map<ServiceKey, DiscoveredService>;

/// Follows the services of a configuration in their registry, on threads of its own, and keeps what
/// it knows of them whatever happens to the registry. May be read by any thread.
class Discovery final : private ServiceListener {
 public:
  /// In a thread of the discovery, which must not end it.
  using Changed = std::function<void(const Discovery&)>;

  /// `before`: what is known from elsewhere, until the registry answers.
  Discovery(DiscoverySpec spec, std::unique_ptr<ServiceRegistry> registry,
            const DiscoveredServices& before, Logger& logger, Changed changed);
  ~Discovery() override { stop(); }

  /// Waits for its threads, which end within a second: nothing is new after this.
  void stop();

  [[nodiscard]] const DiscoverySpec& spec() const noexcept { return spec_; }
  /// Until each service has an answer or the reason why there is none, or `stop` is asked for.
  void wait_first(std::chrono::steady_clock::time_point until, const std::stop_token& stop) const;
  /// Of any service: the registry is there and lets itself be asked.
  [[nodiscard]] bool has_answered() const;
  [[nodiscard]] DiscoveredServices services() const;
  /// The same; `changed` is called when it has changed after this, or has its first answer.
  [[nodiscard]] DiscoveredServices take();

 private:
  void found(const ServiceKey& service, std::vector<ServerConfig> servers) override;
  void failed(const ServiceKey& service, const std::string& why) override;
  void announce(const std::stop_token& stop);
  void say(LogLevel level, const std::string& text);

  const DiscoverySpec spec_;
  const std::unique_ptr<ServiceRegistry> registry_;
  Logger& logger_;
  const Changed changed_;
  mutable std::mutex mutex_;  ///< of what follows
  mutable std::condition_variable_any news_;
  DiscoveredServices services_;
  std::set<ServiceKey> waiting_;  ///< heard nothing yet
  bool answered_ = false;         ///< once, for any service
  std::size_t troubles_ = 0;      ///< services whose last question has no answer
  bool is_new_ = false;           ///< since it was taken
  std::jthread announcer_;
  std::jthread follower_;
};

/// Whether something can be served: of a service, if there is any, the servers are known.
[[nodiscard]] bool knows_any(const DiscoveredServices& services);
/// Why not, one reason for all that have the same; lines.
[[nodiscard]] std::string troubles_of(const DiscoveredServices& services, Provider provider);

}  // namespace aralez
