#include "filter/auth/guard.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(AuthGuard, answers_503_that_no_cache_keeps_and_lets_nobody_through) {
  BlockPool pool;
  Arena arena(pool);
  Head request;
  request.fields.add(arena, {"Authorization", "Basic b3BzOnMzY3JldA==", FieldId::authorization});
  TargetPath path;
  ClientInfo client{.ip = "127.0.0.1", .peer_loopback = true};
  Reply reply;
  RequestContext context{request, path, "a", client, arena, pool, 0};
  const AuthGuard guard("basic");
  EXPECT_EQ(guard.on_request_head(context, reply), Verdict::replied);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.reason, Reason::auth_unavailable);
  EXPECT_EQ(reply.fields.find("cache-control")->value, "private, no-store");
  EXPECT_NE(guard.describe().find("basic"), std::string::npos);
}

}  // namespace
}  // namespace aralez
