#include "filter/headers/headers.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

struct Fixture {
  BlockPool pool;
  Arena arena{pool};
  Head request;
  Head response;
  TargetPath path;
  ClientInfo client;
  Reply reply;
  RequestContext context{request, path, "h", client, arena, pool, 0};
};

TEST(Headers, server_list_replaces_and_client_list_appends) {
  Fixture f;
  f.request.fields.add(f.arena, {"x-a", "from client", FieldId::other});
  f.request.fields.add(f.arena, {"X-A", "again", FieldId::other});
  f.response.fields.add(f.arena, {"X-B", "upstream", FieldId::other});
  const HeadersFilter filter({{"X-A", "ours"}}, {{"X-B", "ours"}});
  EXPECT_EQ(filter.on_request_head(f.context, f.reply), Verdict::proceed);
  ASSERT_EQ(f.request.fields.size(), 1U);
  EXPECT_EQ(f.request.fields.begin()->value, "ours");
  filter.on_response_head(f.context, f.response);
  EXPECT_EQ(f.response.fields.size(), 2U);
}

TEST(Headers, host_may_be_overridden) {
  Fixture f;
  f.request.fields.add(f.arena, {"Host", "client", FieldId::host});
  const HeadersFilter filter({{"host", "inner"}}, {});
  filter.on_request_head(f.context, f.reply);
  EXPECT_EQ(f.request.fields.value(FieldId::host), "inner");
  EXPECT_EQ(f.request.fields.size(), 1U);
}

TEST(Headers, route_beats_global_and_the_last_of_a_name_counts) {
  const auto s = merge_server_headers({{"x-a", "route"}, {"X-C", "1"}, {"x-c", "2"}},
                                      {{"X-A", "global"}, {"X-B", "b"}});
  ASSERT_EQ(s.size(), 3U);
  EXPECT_EQ(s[0], (HeaderRule{"x-a", "route"}));
  EXPECT_EQ(s[1], (HeaderRule{"X-B", "b"}));
  EXPECT_EQ(s[2], (HeaderRule{"x-c", "2"}));
  EXPECT_EQ(merge_client_headers({{"A", "1"}}, {{"A", "2"}}).size(), 2U);
}

}  // namespace
}  // namespace aralez
