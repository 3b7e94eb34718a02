#include "cluster/clusters_fixture_test.h"

namespace aralez {
namespace {

using testing::Clusters;

/// A route of one worker whose servers fail and are checked as the test says.
class Choice : public Clusters {
 protected:
  void SetUp() override { build(3); }
  void build(std::uint16_t servers) {
    ClusterSpec spec{"r", {}};
    for (std::uint16_t port = 1; port <= servers; ++port) {
      EndpointSpec e = at(port);
      registry_.attach(e, {}, {});
      spec.endpoints.push_back(std::move(e));
    }
    specs_ = {spec};
    cluster_ = manager_.adopt(specs_)[0];
  }
  void check(std::uint32_t place, std::string error) {
    const TimePoint now = reactor_.now();
    (void)specs_[0].endpoints[place].health->note(now, now, std::move(error));
  }
  /// Enough failures in a row; each in a turn of its own.
  void leave_out(std::uint32_t place) {
    for (std::uint32_t i = 0; i < Limits().upstream_max_fails; ++i) {
      reactor_.turn(Millis(0));
      cluster_->endpoint(place).unreachable(
          {Errc::refused, Origin::upstream, "connection refused"});
    }
    ASSERT_EQ(cluster_->endpoint(place).reach(), Reach::out);
  }
  std::string picks(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) {
      const std::uint32_t place = cluster_->pick();
      out += place == Cluster::kNone ? "-" : std::to_string(place);
    }
    return out;
  }

  EndpointRegistry registry_{1};
  std::vector<ClusterSpec> specs_;
  ClusterManager manager_ = make(8);
  std::shared_ptr<Cluster> cluster_;
};

TEST_F(Choice, passes_over_what_a_check_calls_down_and_stays_even) {
  check(1, "status 500");
  EXPECT_EQ(picks(6), "020202");
  check(1, "");
  EXPECT_EQ(picks(6), "012012");
}

TEST_F(Choice, has_nothing_when_all_are_down) {
  for (std::uint32_t i = 0; i < 3; ++i) check(i, "status 500");
  EXPECT_EQ(picks(2), "--");
  check(2, "");
  EXPECT_EQ(picks(2), "22");
}

TEST_F(Choice, leaves_out_what_cannot_be_connected_to) {
  leave_out(0);
  EXPECT_EQ(picks(4), "1212");
  EXPECT_EQ(specs_[0].endpoints[0].state->totals().workers_without, 1U);
  cluster_->endpoint(0).answered();
  EXPECT_EQ(picks(3), "012");
  EXPECT_EQ(specs_[0].endpoints[0].state->totals().workers_without, 0U);
}

TEST_F(Choice, takes_what_is_left_out_when_fewer_than_half_of_the_rest_would_stay) {
  leave_out(0);
  leave_out(1);
  EXPECT_EQ(picks(6), "012012") << "one of three is fewer than half";
  check(0, "status 500");
  EXPECT_EQ(picks(4), "2222") << "one of two is not: what is down does not count";
  check(2, "status 500");
  EXPECT_EQ(picks(4), "1111") << "never the last one";
}

TEST_F(Choice, a_single_server_is_never_left_out) {
  build(1);
  leave_out(0);
  EXPECT_EQ(picks(3), "000");
}

TEST_F(Choice, one_request_tries_what_was_left_out_when_a_check_has_reached_it) {
  leave_out(0);
  reactor_.turn(Millis(0));
  specs_[0].endpoints[0].state->reached(reactor_.now());
  EXPECT_EQ(picks(5), "01212");
}

TEST_F(Choice, another_try_goes_elsewhere_and_in_the_end_to_what_was_left_out) {
  leave_out(0);
  TriedEndpoints tried;
  tried.add(1);
  EXPECT_EQ(cluster_->pick_other(tried), 2U);
  tried.add(2);
  EXPECT_EQ(cluster_->pick_other(tried), 0U);
  tried.add(0);
  EXPECT_EQ(cluster_->pick_other(tried), Cluster::kNone);
}

TEST_F(Choice, another_try_never_goes_to_what_is_down) {
  check(0, "status 500");
  TriedEndpoints tried;
  tried.add(1);
  tried.add(2);
  EXPECT_EQ(cluster_->pick_other(tried), Cluster::kNone);
}

TEST_F(Choice, a_wish_is_granted_where_requests_may_go) {
  EXPECT_EQ(cluster_->pick(2), 2U);
  EXPECT_EQ(cluster_->pick(2), 2U);
  EXPECT_EQ(cluster_->pick(17), 0U) << "no such place";
  check(2, "status 500");
  EXPECT_FALSE(cluster_->usable(2));
  EXPECT_EQ(cluster_->pick(2), 1U);
  check(2, "");
  EXPECT_TRUE(cluster_->usable(2));
  leave_out(2);
  EXPECT_FALSE(cluster_->usable(2));
  EXPECT_NE(cluster_->pick(2), 2U);
  leave_out(1);
  EXPECT_TRUE(cluster_->usable(2)) << "too few are left";
  EXPECT_EQ(cluster_->pick(2), 2U);
}

TEST_F(Choice, verdicts_and_failures_outlive_a_reload) {
  leave_out(0);
  check(1, "status 500");
  ClusterSpec next{"r", specs_[0].endpoints};
  next.endpoints.push_back(at(9));
  registry_.attach(next.endpoints.back(), {}, {});
  specs_ = {next};
  cluster_ = manager_.adopt(specs_)[0];
  EXPECT_EQ(picks(4), "2323");
}

TEST_F(Choice, our_own_trouble_is_not_the_endpoints) {
  for (int i = 0; i < 10; ++i) {
    reactor_.turn(Millis(0));
    cluster_->endpoint(0).unreachable({Errc::limit, Origin::internal, "no descriptor"});
  }
  EXPECT_EQ(cluster_->endpoint(0).reach(), Reach::in);
}

}  // namespace
}  // namespace aralez
