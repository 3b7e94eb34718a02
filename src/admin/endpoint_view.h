#pragma once

#include "cluster/cluster_spec.h"
#include "cluster/protocol.h"

namespace aralez {

/// What is known of an endpoint now.
struct EndpointView {
  bool alive = true;
  UpstreamProtocol protocol = UpstreamProtocol::unknown;
};
[[nodiscard]] EndpointView view_of(const EndpointSpec& spec);

}  // namespace aralez
