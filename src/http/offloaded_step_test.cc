#include "http/offloaded_step.h"

#include <gtest/gtest.h>

#include <latch>

#include "support/request_world.h"

namespace aralez {
namespace {

class OffloadedStep : public testing::RequestWorld {
 protected:
  JobPool jobs_{1, 1};
};

TEST_F(OffloadedStep, decides_on_the_worker_with_what_the_job_found) {
  RequestContext request = request_context();
  const auto worker = std::this_thread::get_id();
  std::thread::id job;
  std::thread::id rest;
  const Verdict now = offload(request, jobs_, [&] {
    job = std::this_thread::get_id();
    return [&](RequestContext&, Reply& reply) {
      rest = std::this_thread::get_id();
      reply.status = 401;
      return Verdict::replied;
    };
  });
  EXPECT_EQ(now, Verdict::wait);
  EXPECT_NE(pending_, nullptr);
  ASSERT_TRUE(turn_until([&] { return later_.has_value(); }));
  EXPECT_EQ(later_, Verdict::replied);
  EXPECT_EQ(reply_.status, 401);
  EXPECT_EQ(rest, worker);
  EXPECT_NE(job, worker);
}

TEST_F(OffloadedStep, leaves_a_request_alone_that_ended_before) {
  RequestContext request = request_context();
  std::latch go(1);
  bool ran = false;
  const Verdict now = offload(request, jobs_, [&] {
    go.wait();
    return [&](RequestContext&, Reply&) {
      ran = true;
      return Verdict::proceed;
    };
  });
  ASSERT_EQ(now, Verdict::wait);
  pending_->cancel();
  go.count_down();
  bool mail = false;
  bool delivered = false;
  ASSERT_TRUE(turn_until([&] {
    const auto deliver = [&] { reactor_.mailbox().post([&] { delivered = true; }); };
    if (!mail) mail = jobs_.submit(deliver);
    return delivered;
  }));
  EXPECT_FALSE(ran);
  EXPECT_FALSE(later_);
}

TEST_F(OffloadedStep, proceeds_when_there_is_no_room_for_the_job) {
  jobs_.stop();
  RequestContext request = request_context();
  const Verdict now = offload(
      request, jobs_, [] { return [](RequestContext&, Reply&) { return Verdict::replied; }; });
  EXPECT_EQ(now, Verdict::proceed);
  EXPECT_EQ(pending_, nullptr);
}

}  // namespace
}  // namespace aralez
