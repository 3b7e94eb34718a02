#pragma once

#include <compare>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "control/schema/upstreams_config.h"

namespace aralez {

/// What a registry is asked for.
struct ServiceKey {
  std::string name;
  std::string port;  ///< ServiceConfig::port

  auto operator<=>(const ServiceKey&) const = default;
};

/// Hears what a registry says. Called in the thread of the registry.
class ServiceListener {
 public:
  ServiceListener() = default;
  ServiceListener(const ServiceListener&) = delete;
  ServiceListener& operator=(const ServiceListener&) = delete;
  virtual ~ServiceListener() = default;

  /// The registry has answered: these are the servers of the service, in any order. None is an
  /// answer too.
  virtual void found(const ServiceKey& service, std::vector<ServerConfig> servers) = 0;
  /// It could not be asked, or its answer is of no use; the servers of before stay. `why` is a
  /// phrase with the address that was asked, without secrets.
  virtual void failed(const ServiceKey& service, const std::string& why) = 0;
};

/// A registry of services such as Consul.
class ServiceRegistry {
 public:
  ServiceRegistry() = default;
  ServiceRegistry(const ServiceRegistry&) = delete;
  ServiceRegistry& operator=(const ServiceRegistry&) = delete;
  virtual ~ServiceRegistry() = default;

  /// Asks for the services, and again and again, until `stop` is asked for; waits in the calling
  /// thread. The listener hears of each of them, found or failed, soon after the begin, and then at
  /// each answer, new or not. Called once.
  virtual void follow(const std::vector<ServiceKey>& services, ServiceListener& listener,
                      const std::stop_token& stop) = 0;
};

/// Makes the registry that the provider of a configuration asks; server/registry.cc names them.
using RegistryMaker = std::function<std::unique_ptr<ServiceRegistry>(const UpstreamsConfig&)>;

}  // namespace aralez
