#include "filter/api_guard/api_guard.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

/// 0: let through.
std::uint16_t status_for(std::string_view target) {
  BlockPool pool;
  Arena arena(pool);
  Head head;
  const auto path = normalise_target(target, arena);
  const ClientInfo client;
  RequestContext request{head, *path, "a.test", client, arena, pool, 0};
  Reply reply;
  return ApiGuard().on_request_head(request, reply) == Verdict::proceed ? 0 : reply.status;
}

TEST(ApiGuard, lets_challenges_through_and_nothing_else) {
  EXPECT_EQ(status_for("/.well-known/acme-challenge/token"), 0);
  for (const char* other :
       {"/", "/conf?save", "/status?live", "/jwt", "/.well-known/acme-challenge",
        "/.well-known/acme-challengex/y", "/.well-known/acme-challenge/../../conf",
        "/.well-known/acme-challenge/%2e%2e/%2E%2e/conf"})
    EXPECT_EQ(status_for(other), 403) << other;
}

}  // namespace
}  // namespace aralez
