#include "cluster/detecting_connect.h"

#include "cluster/clusters_fixture_test.h"
#include "cluster/server_fixture_test.h"

namespace aralez {
namespace {

constexpr ConnectionWish kWish{.host = "a.test"};
constexpr ConnectionWish kHttp1{.host = "a.test", .http1 = true};
constexpr Millis kTime{10'000};
constexpr Millis kLittleTime{30};  ///< where it has to run out
constexpr std::string_view kAlert{"\x15\x03\x03\x00\x02\x02\x28", 7};

using Close = Transport::CloseMode;
using testing::Server;

// Servers.

void plain(std::string_view, Transport& to) {
  to.queue_copy("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
}
void h2c(std::string_view first, Transport& to) {
  if (first.starts_with("PRI")) return to.queue_copy(testing::h2::settings());
  to.close(Close::normal);
}
void silent(std::string_view, Transport&) {}

class Detecting : public testing::Clusters {
 protected:
  /// Connections of HTTP/2 die before what they share, as in a worker.
  ~Detecting() override {
    clusters_.clear();
    (void)manager_.adopt({});
    reactor_.finish_turn();
  }

  struct Waiter final : ConnectionWaiter {
    void on_upstream_ready(UpstreamConnection& c) override { got = &c; }
    void on_upstream_failed(Error e) override { failed = e.code; }
    [[nodiscard]] bool told() const { return got != nullptr || failed; }
    UpstreamConnection* got = nullptr;
    std::optional<Errc> failed;
  };

  EndpointPool& pool(const EndpointSpec& spec) {
    clusters_ = manager_.adopt({{"r", {spec}}});
    return clusters_[0]->endpoint(0);
  }
  void until(const std::function<bool()>& done) { ASSERT_TRUE(Clusters::until(done)); }
  /// Protocol of a connection for `wish`, or why there is none.
  Result<UpstreamProtocol> connect(EndpointPool& pool, const ConnectionWish& wish = kWish,
                                   Millis time = kTime) {
    Waiter waiter;
    if (auto begun = pool.connect(waiter, wish, time); !begun)
      return std::unexpected(begun.error());
    until([&] { return waiter.told(); });
    if (waiter.failed) return fail(*waiter.failed, Origin::upstream, "");
    const auto protocol = waiter.got->protocol();
    waiter.got->leave_spare();
    return protocol;
  }

  ClusterManager manager_ = make(128);
  std::vector<std::shared_ptr<Cluster>> clusters_;
};

TEST_F(Detecting, tries_one_wire_after_the_other_and_remembers_what_worked) {
  Server server(reactor_, plain);
  EndpointPool& p = pool(server.spec());
  EXPECT_EQ(connect(p), UpstreamProtocol::plain_h1);
  EXPECT_EQ(p.known(), UpstreamProtocol::plain_h1);
  EXPECT_EQ(server.greetings(), "T2-");
  EXPECT_EQ(connect(p), UpstreamProtocol::plain_h1);
  EXPECT_EQ(server.greetings(), "T2--");
}

TEST_F(Detecting, ends_with_the_first_greeting_that_is_answered) {
  Server clear(reactor_, h2c);
  EXPECT_EQ(connect(pool(clear.spec())), UpstreamProtocol::h2c);
  EXPECT_EQ(clear.greetings(), "T2");
  Server tls(reactor_, AlpnOffer::http2);
  EXPECT_EQ(connect(pool(tls.spec())), UpstreamProtocol::tls_h2);
  EXPECT_EQ(tls.greetings(), "T");
  Server old(reactor_, AlpnOffer::http1);
  EXPECT_EQ(connect(pool(old.spec())), UpstreamProtocol::tls_h1);
  EXPECT_EQ(old.greetings(), "T");
}

TEST_F(Detecting, takes_an_alert_for_tls_and_shows_the_server_nothing_else) {
  Server server(reactor_, [](std::string_view, Transport& to) { to.queue_copy(kAlert); });
  EndpointPool& p = pool(server.spec());
  const auto got = connect(p);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::tls);
  EXPECT_EQ(p.known(), UpstreamProtocol::unknown);
  EXPECT_EQ(server.greetings(), "T");
}

TEST_F(Detecting, takes_a_closed_greeting_for_another_protocol_unless_tls_is_known) {
  const auto closes = [](std::string_view, Transport& to) { to.close(Close::normal); };
  Server unknown(reactor_, closes);
  EXPECT_EQ(connect(pool(unknown.spec())), UpstreamProtocol::plain_h1);
  EXPECT_EQ(unknown.greetings(), "T2-");

  Server server(reactor_, AlpnOffer::http2);
  EndpointPool& p = pool(server.spec());
  EXPECT_EQ(connect(p), UpstreamProtocol::tls_h2);
  server.change(closes);
  const auto once = connect(p);
  ASSERT_FALSE(once);
  EXPECT_EQ(once.error().code, Errc::tls);
  EXPECT_EQ(server.greetings(), "TT") << "it may be starting anew";
  EXPECT_EQ(connect(p), UpstreamProtocol::plain_h1) << "the second time it counts";
  EXPECT_EQ(server.greetings(), "TTT2-");
}

TEST_F(Detecting, tries_nothing_but_what_is_pinned) {
  Server server(reactor_, plain);
  const auto tls = connect(pool(server.spec(ProtocolPin::https)));
  ASSERT_FALSE(tls);
  EXPECT_EQ(tls.error().code, Errc::mismatch);
  const auto clear = connect(pool(server.spec(ProtocolPin::h2c)));
  ASSERT_FALSE(clear);
  EXPECT_EQ(clear.error().code, Errc::mismatch);
  EXPECT_EQ(server.greetings(), "T2");
}

TEST_F(Detecting, takes_silence_for_plain_http_within_its_time) {
  Server server(reactor_, silent);
  EndpointPool& p = pool(server.spec());
  EXPECT_EQ(connect(p), UpstreamProtocol::plain_h1);
  EXPECT_EQ(server.greetings(), "T2-");
}

TEST_F(Detecting, of_a_pinned_server_that_is_silent_ends_with_its_time) {
  Server server(reactor_, silent);
  const auto got = connect(pool(server.spec(ProtocolPin::https)), kWish, kLittleTime);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::timeout);
}

TEST_F(Detecting, is_done_once_for_all_that_wait) {
  Server server(reactor_, h2c);
  EndpointPool& p = pool(server.spec());
  std::array<Waiter, 5> waiters;
  for (Waiter& w : waiters) ASSERT_TRUE(p.connect(w, kWish, kTime));
  until([&] { return std::ranges::all_of(waiters, &Waiter::told); });
  EXPECT_EQ(server.greetings(), "T2");
  for (const Waiter& w : waiters) EXPECT_EQ(w.got, waiters[0].got) << "they share a connection";
}

TEST_F(Detecting, tells_all_that_wait_when_it_fails) {
  Server server(reactor_, [](std::string_view, Transport& to) { to.queue_copy(kAlert); });
  EndpointPool& p = pool(server.spec());
  std::array<Waiter, 3> waiters;
  for (Waiter& w : waiters) ASSERT_TRUE(p.connect(w, kWish, kTime));
  until([&] { return std::ranges::all_of(waiters, &Waiter::told); });
  for (const Waiter& w : waiters) EXPECT_EQ(w.failed, Errc::tls);
  EXPECT_EQ(server.greetings(), "T");
}

TEST_F(Detecting, goes_on_for_the_others_when_the_first_has_lost_interest) {
  Server server(reactor_, h2c);
  EndpointPool& p = pool(server.spec());
  Waiter first;
  Waiter second;
  const auto one = p.connect(first, kWish, kTime);
  const auto two = p.connect(second, kWish, kTime);
  ASSERT_TRUE(one && two);
  (*one)->forget_waiter();
  until([&] { return second.told(); });
  EXPECT_FALSE(first.told());
  EXPECT_NE(second.got, nullptr);
  EXPECT_EQ(server.greetings(), "T2");
}

TEST_F(Detecting, leaves_what_it_found_when_nobody_waits_any_more) {
  Server server(reactor_, AlpnOffer::http2);
  EndpointPool& p = pool(server.spec());
  Waiter waiter;
  const auto begun = p.connect(waiter, kWish, kTime);
  ASSERT_TRUE(begun);
  (*begun)->forget_waiter();
  until([&] { return p.known() == UpstreamProtocol::tls_h2; });
  until([&] { return manager_.idle_connections() == 1; });
  EXPECT_NE(p.take(kWish), nullptr);
}

TEST_F(Detecting, who_waits_for_another_has_a_time_of_its_own) {
  Server server(reactor_, silent);
  EndpointPool& p = pool(server.spec(ProtocolPin::https));
  Waiter leader;
  Waiter hurried;
  ASSERT_TRUE(p.connect(leader, kWish, kTime));
  ASSERT_TRUE(p.connect(hurried, kWish, kLittleTime));
  until([&] { return hurried.told(); });
  EXPECT_EQ(hurried.failed, Errc::timeout);
  EXPECT_FALSE(leader.told());
  EXPECT_EQ(server.greetings(), "T") << "and makes no connection beside";
}

TEST_F(Detecting, nobody_waits_longer_than_the_one_that_all_wait_for) {
  Server server(reactor_, silent);
  EndpointPool& p = pool(server.spec(ProtocolPin::https));
  Waiter leader;
  Waiter other;
  ASSERT_TRUE(p.connect(leader, kWish, kLittleTime));
  ASSERT_TRUE(p.connect(other, kWish, kTime));
  until([&] { return leader.told() && other.told(); });
  EXPECT_EQ(leader.failed, Errc::timeout);
  EXPECT_EQ(other.failed, Errc::timeout) << "the server would be as silent to it";
}

TEST_F(Detecting, one_of_those_that_wait_may_lose_interest) {
  Server server(reactor_, h2c);
  EndpointPool& p = pool(server.spec());
  Waiter first;
  Waiter second;
  Waiter third;
  ASSERT_TRUE(p.connect(first, kWish, kTime));
  const auto gone = p.connect(second, kWish, kTime);
  ASSERT_TRUE(gone);
  ASSERT_TRUE(p.connect(third, kWish, kTime));
  (*gone)->forget_waiter();
  until([&] { return first.told() && third.told(); });
  EXPECT_FALSE(second.told());
  EXPECT_EQ(first.got, third.got);
  EXPECT_EQ(server.greetings(), "T2");
}

TEST_F(Detecting, ends_with_its_pool) {
  Server server(reactor_, silent);
  Waiter waiter;
  Waiter other;
  {
    EndpointPool& p = pool(server.spec());
    ASSERT_TRUE(p.connect(waiter, kWish, kTime));
    ASSERT_TRUE(p.connect(other, kWish, kTime));
    until([&] { return server.greetings() == "T"; });
    (void)manager_.adopt({});
    clusters_.clear();
  }
  reactor_.turn(Millis(0));
  EXPECT_FALSE(waiter.told() || other.told());
}

TEST_F(Detecting, makes_a_connection_of_http1_beside_the_others_for_who_needs_it) {
  Server server(reactor_, AlpnOffer::http2);
  EndpointPool& p = pool(server.spec());
  EXPECT_EQ(connect(p, kHttp1), UpstreamProtocol::tls_h1) << "the first request may be one";
  EXPECT_EQ(p.known(), UpstreamProtocol::tls_h2);
  EXPECT_EQ(connect(p, kHttp1), UpstreamProtocol::tls_h1);
  EXPECT_EQ(p.known(), UpstreamProtocol::tls_h2) << "it says nothing about the server";
  EXPECT_EQ(server.greetings(), "TTT");

  Server clear(reactor_, h2c);
  EndpointPool& q = pool(clear.spec());
  EXPECT_EQ(connect(q, kHttp1), UpstreamProtocol::plain_h1);
  EXPECT_EQ(q.known(), UpstreamProtocol::h2c);
  EXPECT_EQ(clear.greetings(), "T2-");
}

TEST_F(Detecting, an_endpoint_that_wants_http1_gets_it_for_every_request) {
  Server server(reactor_, AlpnOffer::http2);
  EndpointPool& p = pool(server.spec());
  EXPECT_EQ(connect(p), UpstreamProtocol::tls_h2);
  p.require_http1();
  EXPECT_EQ(p.take(kWish), nullptr) << "the one that is there speaks HTTP/2";
  EXPECT_EQ(connect(p), UpstreamProtocol::tls_h1);
  UpstreamConnection* const c = p.take(kWish);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->protocol(), UpstreamProtocol::tls_h1);
}

TEST_F(Detecting, an_endpoint_that_refuses_is_an_error_for_all) {
  EndpointSpec gone;
  {
    Server server(reactor_, plain);
    gone = server.spec();
  }
  EndpointPool& p = pool(gone);
  for (int i = 0; i < 2; ++i) {
    const auto got = connect(p);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::refused);
  }
  EXPECT_EQ(p.known(), UpstreamProtocol::unknown);
}

}  // namespace
}  // namespace aralez
