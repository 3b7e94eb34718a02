#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/endpoint_registry.h"
#include "support/turn_until.h"

namespace aralez::testing {

/// Servers that accept and never answer, and the clusters of one worker beside them.
class Clusters : public ::testing::Test {
 protected:
  EndpointSpec server(int backlog = 64) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = SocketAddress::from_ip("127.0.0.1", 0).value();
    if (::bind(fd.get(), address.raw(), address.length()) != 0) std::abort();
    if (backlog > 0 && ::listen(fd.get(), backlog) != 0) std::abort();
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&raw), &length) != 0) std::abort();
    listeners_.push_back(std::move(fd));
    return {"127.0.0.1", SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length).port()};
  }
  static EndpointPool& next(Cluster& cluster) { return cluster.endpoint(cluster.pick()); }
  static EndpointSpec at(std::uint16_t port) { return {"127.0.0.1", port}; }
  ClusterManager make(std::uint32_t keep, std::size_t workers = 1) {
    limits_.upstream_keepalive_pool_size = keep;
    return ClusterManager({.reactor = reactor_,
                           .scratch = scratch_,
                           .h2 = h2_,
                           .limits = limits_,
                           .logger = logger_,
                           .counters = counters_,
                           .workers = workers});
  }
  bool until(const std::function<bool()>& done) { return turn_until(reactor_, done); }

  struct Waiter final : ConnectionWaiter {
    void on_upstream_ready(UpstreamConnection& c) override { ready.push_back(&c); }
    void on_upstream_failed(Error e) override { failures.push_back(e.code); }
    std::vector<UpstreamConnection*> ready;
    std::vector<Errc> failures;
  };
  Reactor reactor_;
  h1::HeadScratch scratch_;
  h2::Shared h2_{reactor_};
  Limits limits_;
  NullLogger logger_;
  CounterBlock counters_;
  Waiter waiter_;
  std::vector<UniqueFd> listeners_;
};

}  // namespace aralez::testing
