#include "filter/loop_guard/loop_guard.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

/// A request with these CDN-Loop fields, after a filter has seen it.
struct Passed {
  explicit Passed(std::initializer_list<std::string_view> loops) {
    for (const auto value : loops) head.fields.add(arena, {"cdn-loop", value});
  }
  Verdict by(const LoopGuard& guard) {
    RequestContext request{head, path, "a.test", client, arena, pool, 0};
    return guard.on_request_head(request, reply);
  }
  BlockPool pool;
  Arena arena{pool};
  Head head;
  TargetPath path{.match = "/", .forward = "/"};
  ClientInfo client;
  Reply reply;
};

TEST(LoopGuard, marks_what_it_sees_first_and_refuses_what_it_has_marked) {
  const LoopGuard guard("aralez-1");
  Passed r({"foo; version=1", "bar.test:80, other"});
  EXPECT_EQ(r.by(guard), Verdict::proceed);
  EXPECT_EQ(r.head.fields.size(), 3U) << "the marks of others stay";
  EXPECT_EQ((r.head.fields.end() - 1)->value, "aralez-1");
  EXPECT_EQ(r.by(guard), Verdict::replied);
  EXPECT_EQ(r.reply.status, 508);
  EXPECT_EQ(r.reply.reason, Reason::route_loop);
  EXPECT_EQ(r.reply.length.kind, BodyLength::Kind::known);
}

TEST(LoopGuard, finds_its_mark_in_a_list) {
  const LoopGuard guard("aralez-1");
  EXPECT_EQ(Passed({"foo ,\taralez-1 , bar"}).by(guard), Verdict::replied);
  EXPECT_EQ(Passed({"", "aralez-1"}).by(guard), Verdict::replied);
  EXPECT_EQ(Passed({"aralez-12, xaralez-1, aralez-"}).by(guard), Verdict::proceed);
}

TEST(LoopGuard, of_one_route_does_not_mind_another) {
  const LoopGuard first("aralez-1");
  const LoopGuard second("aralez-2");
  Passed r({});
  EXPECT_EQ(r.by(first), Verdict::proceed);
  EXPECT_EQ(r.by(second), Verdict::proceed);
  EXPECT_EQ(r.by(first), Verdict::replied);
}

}  // namespace
}  // namespace aralez
