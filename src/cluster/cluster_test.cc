#include "cluster/clusters_fixture_test.h"

namespace aralez {
namespace {

using testing::Clusters;

constexpr ConnectionWish kWish{.host = "a.test"};

TEST_F(Clusters, take_their_endpoints_by_turns) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {at(1), at(2), at(3)}}});
  ASSERT_EQ(got.size(), 1U);
  std::string ports;
  for (int i = 0; i < 7; ++i) ports += std::to_string(next(*got[0]).spec().port);
  EXPECT_EQ(ports, "1231231");
}

TEST_F(Clusters, that_are_unchanged_keep_their_turn_over_a_reload) {
  auto manager = make(8);
  const auto first = manager.adopt({{"r", {at(1), at(2)}}, {"s", {at(5)}}});
  EXPECT_EQ(next(*first[0]).spec().port, 1);
  const auto second = manager.adopt({{"new", {at(9)}}, {"r", {at(1), at(2)}}});
  EXPECT_EQ(second[1], first[0]);
  EXPECT_EQ(next(*second[1]).spec().port, 2);
}

TEST_F(Clusters, that_changed_keep_the_pools_of_the_endpoints_that_stayed) {
  auto manager = make(8);
  const auto first = manager.adopt({{"r", {at(1), at(2)}}});
  const auto second = manager.adopt({{"r", {at(2), at(3)}}, {"other", {at(2)}}});
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(second[0]->members()[0].pool, first[0]->members()[1].pool);
  EXPECT_EQ(second[1]->members()[0].pool, first[0]->members()[1].pool)
      << "routes to one address share its connections";
}

TEST_F(Clusters, drop_a_pool_with_the_last_cluster_that_names_it) {
  auto manager = make(8);
  auto first = manager.adopt({{"r", {at(1)}}});
  const std::weak_ptr<EndpointPool> pool = first[0]->members()[0].pool;
  (void)manager.adopt({});
  EXPECT_FALSE(pool.expired()) << "an exchange may still use the older generation";
  first.clear();
  EXPECT_TRUE(pool.expired());
}

TEST_F(Clusters, may_have_no_endpoints) {
  auto manager = make(8);
  EXPECT_EQ(manager.adopt({{"redirect", {}}})[0]->size(), 0U);
}

TEST_F(Clusters, tell_the_waiter_of_a_connection_or_of_its_failure) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {server(), server(0)}}});
  ASSERT_TRUE(next(*got[0]).connect(waiter_, kWish, Millis(10'000)));
  ASSERT_TRUE(until([&] { return waiter_.ready.size() == 1; }));
  if (const auto refused = next(*got[0]).connect(waiter_, kWish, Millis(10'000))) {
    ASSERT_TRUE(until([&] { return waiter_.failures.size() == 1; }));
    EXPECT_EQ(waiter_.failures[0], Errc::refused);
  } else {
    EXPECT_EQ(refused.error().code, Errc::refused);
  }
  EXPECT_EQ(waiter_.ready.size(), 1U);
}

TEST_F(Clusters, count_connections_when_they_are_made_and_when_they_end) {
  auto manager = make(8);
  auto got = manager.adopt({{"r", {server(), server(0)}}});
  ASSERT_TRUE(next(*got[0]).connect(waiter_, kWish, Millis(10'000)));
  (void)next(*got[0]).connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(until([&] { return waiter_.ready.size() == 1; }));
  EXPECT_EQ(counters_.read(Counter::upstream_connections), 1U);
  EXPECT_EQ(counters_.read(Counter::upstream_connections_closed), 0U);
  (void)manager.adopt({});
  got.clear();
  reactor_.turn(Millis(0));
  EXPECT_EQ(counters_.read(Counter::upstream_connections), 1U);
  EXPECT_EQ(counters_.read(Counter::upstream_connections_closed), 1U);
}

TEST_F(Clusters, keep_a_spare_connection_and_hand_it_out_once) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {server()}}});
  EndpointPool& pool = next(*got[0]);
  EXPECT_EQ(pool.take(kWish), nullptr);
  const auto c = pool.connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(c);
  (*c)->forget_waiter();
  ASSERT_TRUE(until([&] { return manager.idle_connections() == 1; }));
  EXPECT_NE(pool.take(kWish), nullptr);
  EXPECT_EQ(pool.take(kWish), nullptr);
  EXPECT_EQ(manager.idle_connections(), 0U);
  EXPECT_EQ(pool.connections(), 1U);
}

TEST_F(Clusters, keep_no_more_idle_connections_than_their_share_whatever_the_endpoint) {
  auto manager = make(4, 2);  // two for each worker
  const auto got = manager.adopt({{"r", {server(), server()}}});
  EndpointPool& a = next(*got[0]);
  EndpointPool& b = next(*got[0]);
  for (EndpointPool* pool : {&a, &a, &b, &b, &b}) {
    const auto c = pool->connect(waiter_, kWish, Millis(10'000));
    ASSERT_TRUE(c);
    (*c)->forget_waiter();
  }
  ASSERT_TRUE(until(
      [&] { return manager.idle_connections() == 2 && a.connections() + b.connections() == 2; }));
}

TEST_F(Clusters, keep_no_idle_connection_at_all_when_none_is_wanted) {
  auto manager = make(0, 2);
  const auto got = manager.adopt({{"r", {server()}}});
  EndpointPool& pool = next(*got[0]);
  const auto c = pool.connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(c);
  (*c)->forget_waiter();
  ASSERT_TRUE(until([&] { return pool.connections() == 0; }));
  EXPECT_EQ(manager.idle_connections(), 0U);
  EXPECT_EQ(pool.take(kWish), nullptr);
}

TEST_F(Clusters, forget_an_idle_connection_that_the_server_has_closed) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {server()}}});
  EndpointPool& pool = next(*got[0]);
  const auto c = pool.connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(c);
  (*c)->forget_waiter();
  ASSERT_TRUE(until([&] { return manager.idle_connections() == 1; }));
  UniqueFd served(::accept(listeners_[0].get(), nullptr, nullptr));
  ASSERT_TRUE(served);
  served.reset();
  ASSERT_TRUE(until([&] { return pool.connections() == 0; }));
  EXPECT_EQ(manager.idle_connections(), 0U);
  EXPECT_EQ(pool.take(kWish), nullptr);
}

TEST_F(Clusters, take_a_spare_connection_for_one_that_the_server_may_have_closed) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {server()}}});
  EndpointPool& pool = next(*got[0]);
  ASSERT_TRUE(pool.connect(waiter_, kWish, Millis(10'000)));
  ASSERT_TRUE(until([&] { return waiter_.ready.size() == 1; }));
  EXPECT_FALSE(waiter_.ready[0]->reused());
  const auto spare = pool.connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(spare);
  (*spare)->forget_waiter();
  ASSERT_TRUE(until([&] { return manager.idle_connections() == 1; }));
  EXPECT_TRUE(pool.take(kWish)->reused());
}

TEST_F(Clusters, close_an_idle_connection_after_its_time) {
  limits_.upstream_pool_timeout = Millis(30);
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {server()}}});
  const auto c = next(*got[0]).connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(c);
  (*c)->forget_waiter();
  ASSERT_TRUE(until([&] { return got[0]->members()[0].pool->connections() == 0; }));
  EXPECT_EQ(manager.idle_connections(), 0U);
}

TEST_F(Clusters, leave_an_endpoint_out_that_refuses_and_take_it_back_when_it_accepts) {
  auto manager = make(8);
  EndpointSpec refusing = server(0);
  EndpointRegistry registry(1);
  registry.attach(refusing);
  auto got = manager.adopt({{"r", {refusing}}});
  EndpointPool& pool = got[0]->endpoint(0);
  for (std::uint32_t i = 0; i < Limits().upstream_max_fails; ++i) {
    const std::size_t failed = waiter_.failures.size();
    if (pool.connect(waiter_, kWish, Millis(10'000)))
      ASSERT_TRUE(until([&] { return waiter_.failures.size() > failed; }));
    else
      pool.unreachable({Errc::refused, Origin::upstream, "connection refused"});
    reactor_.turn(Millis(0));
  }
  EXPECT_EQ(pool.reach(), Reach::out);
  ASSERT_EQ(::listen(listeners_.back().get(), 64), 0);
  ASSERT_TRUE(pool.connect(waiter_, kWish, Millis(10'000)));
  ASSERT_TRUE(until([&] { return waiter_.ready.size() == 1; }));
  EXPECT_EQ(pool.reach(), Reach::in);
  EXPECT_EQ(refusing.state->totals().connects, 1U);
  EXPECT_GT(refusing.state->totals().connect_time.count(), 0);
}

}  // namespace
}  // namespace aralez
