#include "cluster/clusters_fixture_test.h"

namespace aralez {
namespace {

using testing::Clusters;

/// Requests that wait for their turn at one endpoint.
class Turns : public Clusters {
 protected:
  struct Request final : Deferred {
    explicit Request(Turns& test_) : test(test_) {}
    void run() override {
      ticket = test.pool().enter();
      test.told_.push_back(this);
    }
    Turns& test;
    Pace::Ticket ticket;
  };
  EndpointPool& pool() { return *cluster_->members()[0].pool; }
  /// Goes where a request would.
  Request& send() {
    Request& r = *requests_.emplace_back(std::make_unique<Request>(*this));
    if (pool().must_wait())
      pool().wait_for_turn(r);
    else
      r.run();
    return r;
  }
  void fill() {
    while (!pool().must_wait()) send();
    told_.clear();
  }
  std::vector<Request*> told_;
  std::vector<std::unique_ptr<Request>> requests_;
  ClusterManager manager_ = make(8);
  std::shared_ptr<Cluster> cluster_ = manager_.adopt({{"r", {at(1)}}})[0];
};

TEST_F(Turns, come_in_the_order_of_arrival_as_others_are_answered) {
  fill();
  ASSERT_EQ(requests_.size(), Pace::kFew);
  Request& first = send();
  Request& second = send();
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(counters_.read(Counter::upstream_paced), 2U);
  pool().leave(requests_[0]->ticket, Pace::Left::answered);
  EXPECT_TRUE(told_.empty()) << "only from the loop";
  reactor_.run_deferred();
  EXPECT_EQ(told_, (std::vector<Request*>{&first}));
  pool().leave(requests_[1]->ticket, Pace::Left::gone);
  reactor_.run_deferred();
  EXPECT_EQ(told_, (std::vector<Request*>{&first, &second}));
}

TEST_F(Turns, are_kept_by_those_who_wait_already) {
  fill();
  Request& first = send();
  pool().leave(requests_[0]->ticket, Pace::Left::answered);
  Request& late = send();
  EXPECT_TRUE(late.pending());
  reactor_.run_deferred();
  EXPECT_EQ(told_, (std::vector<Request*>{&first}));
}

TEST_F(Turns, can_be_given_up) {
  fill();
  Request& first = send();
  Request& second = send();
  pool().give_up_turn(first);
  pool().give_up_turn(first);
  pool().leave(requests_[0]->ticket, Pace::Left::answered);
  reactor_.run_deferred();
  EXPECT_EQ(told_, (std::vector<Request*>{&second}));
}

TEST_F(Turns, come_without_any_answer) {
  fill();
  for (int i = 0; i < 500; ++i) send();
  ASSERT_TRUE(until([&] { return told_.size() == 500; })) << told_.size();
  EXPECT_FALSE(pool().must_wait());
}

TEST_F(Turns, may_be_the_end_of_the_endpoint) {
  struct Last final : Deferred {
    explicit Last(std::function<void()> f) : end(std::move(f)) {}
    void run() override { end(); }
    std::function<void()> end;
  };
  fill();
  const std::weak_ptr<EndpointPool> pool = cluster_->members()[0].pool;
  Last last([&] {
    (void)manager_.adopt({});
    cluster_.reset();
  });
  pool.lock()->wait_for_turn(last);
  pool.lock()->leave(requests_[0]->ticket, Pace::Left::answered);
  reactor_.run_deferred();
  EXPECT_TRUE(pool.expired());
}

TEST_F(Turns, nobody_waits_when_it_is_switched_off) {
  limits_.upstream_pacing = false;
  auto manager = make(8);
  cluster_ = manager.adopt({{"r", {at(2)}}})[0];
  for (int i = 0; i < 1000; ++i) send();
  EXPECT_EQ(told_.size(), 1000U);
}

}  // namespace
}  // namespace aralez
