#include "http/offloaded_step.h"

#include <gtest/gtest.h>

#include <chrono>
#include <latch>

#include "http/worker_context.h"

namespace aralez {
namespace {

class OffloadedStep : public ::testing::Test, public RequestDriver {
 protected:
  void wait_for(PendingStep& step) override { pending_ = &step; }
  void resume(Verdict verdict, Reply&& reply) override {
    pending_ = nullptr;
    decided_ = verdict;
    status_ = reply.status;
  }
  RequestContext request_context() override {
    return {head_, path_, "a", client_, arena_, pool_, 0, &worker_, this};
  }
  template <typename Done>
  void turn_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < deadline) reactor_.turn(Millis{10});
    ASSERT_TRUE(done());
  }

  Reactor reactor_;
  CounterBlock counters_;
  WorkerContext worker_{.reactor = reactor_, .counters = counters_};
  BlockPool pool_;
  Arena arena_{pool_};
  Head head_;
  TargetPath path_;
  ClientInfo client_;
  PendingStep* pending_ = nullptr;
  std::optional<Verdict> decided_;
  std::uint16_t status_ = 0;
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
  turn_until([&] { return decided_.has_value(); });
  EXPECT_EQ(decided_, Verdict::replied);
  EXPECT_EQ(status_, 401);
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
  turn_until([&] {
    if (!mail) mail = jobs_.submit([this] { reactor_.mailbox().post([this] { status_ = 1; }); });
    return status_ == 1;
  });
  EXPECT_FALSE(ran);
  EXPECT_FALSE(decided_);
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
