#include "control/discovery/kubernetes/kubernetes_registry.h"

#include <condition_variable>
#include <mutex>

#include "control/discovery/kubernetes/api.h"
#include "control/discovery/kubernetes/follower.h"

namespace aralez {
namespace {

class KubernetesRegistry final : public ServiceRegistry {
 public:
  explicit KubernetesRegistry(const KubernetesConfig& config)
      : api_(config, kubernetes::PodEnvironment::of_process()) {}

  void follow(const std::vector<ServiceKey>& services, ServiceListener& listener,
              const std::stop_token& stop) override {
    std::vector<ServiceKey> good;
    for (const ServiceKey& service : services) {
      if (api_.servers().empty())
        listener.failed(
            service,
            "no API server is known: KUBERNETES_SERVICE_HOST and "
            "KUBERNETES_SERVICE_PORT_HTTPS are not set; write servers: [\"host:6443\"]");
      else if (!kubernetes::is_service_name(service.name))
        listener.failed(service, "not a name that a service of Kubernetes can have");
      else
        good.push_back(service);
    }
    if (!good.empty()) return kubernetes::Follower(api_, std::move(good), listener, stop).run();
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any stopped;
    stopped.wait(lock, stop, [] { return false; });
  }

 private:
  const kubernetes::Api api_;
};

}  // namespace

std::unique_ptr<ServiceRegistry> make_kubernetes_registry(const KubernetesConfig& config) {
  return std::make_unique<KubernetesRegistry>(config);
}

}  // namespace aralez
