#pragma once

#include <functional>
#include <vector>

#include "cluster/cluster_spec.h"
#include "cluster/connection_group.h"

namespace aralez {

/// What each server of a cluster speaks, in their order, or why that is not known.
using ServerAnswers = std::vector<Result<UpstreamProtocol>>;
using AskServers = std::function<ServerAnswers(const ClusterSpec&, const ConnectionWish&)>;

/// Finds out as a worker does before its first request: connects to all servers at once, and sends
/// greetings but no request. Takes a few seconds at most; of pinned ones whose scheme says
/// everything nothing is asked.
[[nodiscard]] ServerAnswers ask_servers(const ClusterSpec& cluster, const ConnectionWish& wish);

}  // namespace aralez
