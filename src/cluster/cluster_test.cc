#include "cluster/cluster.h"

#include <gtest/gtest.h>

#include <functional>

#include "cluster/endpoint_registry.h"

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
  static EndpointPool& next(Cluster& cluster) { return cluster.endpoint(cluster.pick()); }
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

/// Requests that wait for their turn at one endpoint.
class Turns : public Clusters {
 protected:
  struct Request final : Turn {
    explicit Request(Turns& test_) : test(test_) {}
    void on_turn() override {
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
      r.on_turn();
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
  EXPECT_TRUE(late.linked());
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
  struct Last final : Turn {
    explicit Last(std::function<void()> f) : end(std::move(f)) {}
    void on_turn() override { end(); }
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
