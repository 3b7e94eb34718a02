#include "cluster/cluster.h"

#include <gtest/gtest.h>

#include <functional>

namespace aralez {
namespace {

constexpr ConnectionWish kWish{.host = "a.test"};

/// Servers that accept and never answer, and the clusters of one worker beside them.
class Clusters : public ::testing::Test {
 protected:
  EndpointSpec server(int backlog = 64) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = SocketAddress::from_ip("127.0.0.1", 0).value();
    if (::bind(fd.get(), address.raw(), address.length()) != 0) std::abort();
    if (backlog > 0 && ::listen(fd.get(), backlog) != 0) std::abort();
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&raw), &length) != 0) std::abort();
    listeners_.push_back(std::move(fd));
    return {"127.0.0.1", SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length).port()};
  }
  static EndpointSpec at(std::uint16_t port) { return {"127.0.0.1", port}; }
  ClusterManager make(std::uint32_t keep, std::size_t workers = 1) {
    limits_.upstream_keepalive_pool_size = keep;
    return ClusterManager({.reactor = reactor_,
                           .scratch = scratch_,
                           .h2 = h2_,
                           .limits = limits_,
                           .logger = logger_,
                           .counters = counters_,
                           .workers = workers});
  }
  bool until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      reactor_.turn(Millis(10));
    }
    return true;
  }

  struct Waiter final : ConnectionWaiter {
    void on_upstream_ready(UpstreamConnection& c) override { ready.push_back(&c); }
    void on_upstream_failed(Error e) override { failures.push_back(e.code); }
    std::vector<UpstreamConnection*> ready;
    std::vector<Errc> failures;
  };
  Reactor reactor_;
  h1::HeadScratch scratch_;
  h2::Shared h2_{reactor_};
  Limits limits_;
  NullLogger logger_;
  CounterBlock counters_;
  Waiter waiter_;
  std::vector<UniqueFd> listeners_;
};

TEST_F(Clusters, take_their_endpoints_by_turns) {
  auto manager = make(8);
  const auto got = manager.adopt({{"r", {at(1), at(2), at(3)}}});
  ASSERT_EQ(got.size(), 1U);
  std::string ports;
  for (int i = 0; i < 7; ++i) ports += std::to_string(got[0]->next().spec().port);
  EXPECT_EQ(ports, "1231231");
}

TEST_F(Clusters, that_are_unchanged_keep_their_turn_over_a_reload) {
  auto manager = make(8);
  const auto first = manager.adopt({{"r", {at(1), at(2)}}, {"s", {at(5)}}});
  EXPECT_EQ(first[0]->next().spec().port, 1);
  const auto second = manager.adopt({{"new", {at(9)}}, {"r", {at(1), at(2)}}});
  EXPECT_EQ(second[1], first[0]);
  EXPECT_EQ(second[1]->next().spec().port, 2);
}

TEST_F(Clusters, that_changed_keep_the_pools_of_the_endpoints_that_stayed) {
  auto manager = make(8);
  const auto first = manager.adopt({{"r", {at(1), at(2)}}});
  const auto second = manager.adopt({{"r", {at(2), at(3)}}, {"other", {at(2)}}});
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(second[0]->endpoints()[0], first[0]->endpoints()[1]);
  EXPECT_EQ(second[1]->endpoints()[0], first[0]->endpoints()[1])
      << "routes to one address share its connections";
}

TEST_F(Clusters, drop_a_pool_with_the_last_cluster_that_names_it) {
  auto manager = make(8);
  auto first = manager.adopt({{"r", {at(1)}}});
  const std::weak_ptr<EndpointPool> pool = first[0]->endpoints()[0];
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
  ASSERT_TRUE(got[0]->next().connect(waiter_, kWish, Millis(10'000)));
  ASSERT_TRUE(until([&] { return waiter_.ready.size() == 1; }));
  if (const auto refused = got[0]->next().connect(waiter_, kWish, Millis(10'000))) {
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
  ASSERT_TRUE(got[0]->next().connect(waiter_, kWish, Millis(10'000)));
  (void)got[0]->next().connect(waiter_, kWish, Millis(10'000));
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
  EndpointPool& pool = got[0]->next();
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
  EndpointPool& a = got[0]->next();
  EndpointPool& b = got[0]->next();
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
  EndpointPool& pool = got[0]->next();
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
  EndpointPool& pool = got[0]->next();
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
  EndpointPool& pool = got[0]->next();
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
  const auto c = got[0]->next().connect(waiter_, kWish, Millis(10'000));
  ASSERT_TRUE(c);
  (*c)->forget_waiter();
  ASSERT_TRUE(until([&] { return got[0]->endpoints()[0]->connections() == 0; }));
  EXPECT_EQ(manager.idle_connections(), 0U);
}

}  // namespace
}  // namespace aralez
