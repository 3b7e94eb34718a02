#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "cluster/health_state.h"

namespace aralez {

/// Keeps what is known of endpoints over reloads: a configuration that names what the running one
/// names gets the same objects, so that a server which is down stays down and stays checked. They
/// live as long as a snapshot refers to them. Made before the workers; any thread but theirs.
class EndpointRegistry {
 public:
  explicit EndpointRegistry(std::size_t workers) : workers_(workers) {}

  /// Fills `spec.state` in.
  void attach(EndpointSpec& spec);
  /// Fills `spec.state` and `spec.health` in. `server_name` is for TLS with an address that is no
  /// name; where certificates are verified it is part of what makes two checks the same.
  void attach(EndpointSpec& spec, const HealthCheckSpec& check, const std::string& server_name);

 private:
  template <class State>
  using Known = std::unordered_map<std::string, std::weak_ptr<State>>;

  [[nodiscard]] std::shared_ptr<EndpointState> state_of(const EndpointSpec& spec);
  template <class State>
  void sweep(Known<State>& known, std::size_t& at);

  const std::size_t workers_;
  std::mutex mutex_;
  Known<EndpointState> endpoints_;
  Known<HealthState> checks_;
  std::size_t sweep_endpoints_at_ = kSweepFrom;
  std::size_t sweep_checks_at_ = kSweepFrom;
  static constexpr std::size_t kSweepFrom = 1024;
};

}  // namespace aralez
