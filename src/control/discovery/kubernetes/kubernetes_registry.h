#pragma once

#include <memory>

#include "control/discovery/service_registry.h"

namespace aralez {

/// Endpoints of services of one namespace, from the API of Kubernetes.
[[nodiscard]] std::unique_ptr<ServiceRegistry> make_kubernetes_registry(
    const KubernetesConfig& config);

}  // namespace aralez
