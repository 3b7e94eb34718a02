#pragma once

#include <gtest/gtest.h>

#include <string>

#include "admin/status_report.h"
#include "cluster/endpoint_registry.h"
#include "control/build/build.h"

namespace aralez {

/// A program of two workers in which a configuration runs, as the API sees it.
class ActiveConfigTest : public ::testing::Test {
 protected:
  /// Applies the hosts of `text` at `since`, as generation 7.
  void apply(const std::string& text, std::chrono::system_clock::time_point since) {
    Diagnostics d;
    auto config = parse_upstreams("provider: file\nupstreams:\n" + text, "up.yaml", d);
    ASSERT_TRUE(config) << d.render();
    ActiveConfig active{.origin = ConfigOrigin::file, .since = since, .config = std::move(*config)};
    active.snapshot =
        build_snapshot({.main = main_,
                        .upstreams = active.config,
                        .make_chain = [](const RouteConfig&) { return FilterChain(); },
                        .endpoints = &endpoints_,
                        .generation = 7,
                        .hash_key = 1});
    config_.applied(std::move(active), "");
  }
  static std::chrono::system_clock::time_point at(int seconds) {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  }

  MainConfig main_;
  EndpointRegistry endpoints_{2};
  ConfigState config_;
  StatusInput input_;
};

}  // namespace aralez
