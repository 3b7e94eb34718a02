#include <gtest/gtest.h>

#include "filter/limits/auth_throttle.h"
#include "filter/limits/error_limit.h"
#include "filter/limits/rate_limit.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

constexpr std::uint64_t kSecret = 7;

class Limit : public ::testing::Test {
 protected:
  static LimitScope scope(LimitKind kind, std::string_view host = "a.test",
                          std::string_view path = {}) {
    return {kSecret, kind, host, path};
  }
  void client(std::string_view ip) {
    client_.address = SocketAddress::from_ip(ip, 0).value().ip_bytes();
  }
  void wait(int millis) { reactor_.set_now(reactor_.now() + Millis(millis)); }

  std::uint16_t ask(const Filter& filter) {
    arena_.clear();
    request_ = Head();
    reply_ = Reply();
    auto context = this->context();
    return filter.on_request_head(context, reply_) == Verdict::proceed ? 200 : reply_.status;
  }
  void ends(const Filter& filter, std::uint16_t status, std::optional<Reason> reason = {}) {
    ends(filter, RequestSummary{.status = status, .reason = reason, .complete = true});
  }
  void ends(const Filter& filter, const RequestSummary& summary) {
    auto context = this->context();
    filter.on_request_end(context, summary);
  }
  std::string field(std::string_view name) {
    const Field* f = reply_.fields.find(name);
    return f ? std::string(f->value) : "";
  }
  int let_in(const Filter& filter, int asked) {
    int n = 0;
    for (int i = 0; i < asked; ++i) n += ask(filter) == 200;
    return n;
  }

  Limit() {
    client("192.0.2.7");
    reactor_.set_now(TimePoint() + std::chrono::hours(1));
  }

  CounterTable counts_{1000};
  Reply reply_;

 private:
  RequestContext context() {
    return {request_, path_, "a.test", client_, arena_, pool_, 0, &worker_, nullptr};
  }

  Reactor reactor_;
  CounterSet counters_{1};
  WorkerContext worker_{.reactor = reactor_, .counters = counters_.block(0)};
  BlockPool pool_;
  Arena arena_{pool_};
  Head request_;
  TargetPath path_;
  ClientInfo client_;
};

TEST_F(Limit, of_rate_let_in_as_many_requests_a_second_as_they_say) {
  const RateLimitFilter filter(counts_, scope(LimitKind::rate), 5);
  EXPECT_EQ(let_in(filter, 20), 5);
  wait(999);
  EXPECT_EQ(let_in(filter, 20), 0) << "what was refused is counted, and the window stays";
  wait(1);
  EXPECT_EQ(let_in(filter, 20), 5);
}

TEST_F(Limit, of_rate_say_when_to_come_back) {
  const RateLimitFilter filter(counts_, scope(LimitKind::rate), 1);
  EXPECT_EQ(ask(filter), 200);
  wait(400);
  EXPECT_EQ(ask(filter), 429);
  EXPECT_EQ(reply_.reason, Reason::rate_limited);
  EXPECT_EQ(field("Retry-After"), "1");
  EXPECT_EQ(field("RateLimit"), "\"rate\";r=0;t=1");
  EXPECT_EQ(field("RateLimit-Policy"), "\"rate\";q=1;w=1");
}

TEST_F(Limit, of_rate_that_allow_nothing_refuse_everything) {
  for (const std::int64_t none : {0, -1}) {
    const RateLimitFilter filter(counts_, scope(LimitKind::rate), none);
    EXPECT_EQ(ask(filter), 429);
    EXPECT_EQ(field("RateLimit-Policy"), "\"rate\";q=0;w=1");
    EXPECT_EQ(field("Retry-After"), "1");
  }
}

TEST_F(Limit, of_rate_beyond_counting_refuse_nothing) {
  const RateLimitFilter filter(counts_, scope(LimitKind::rate), INT64_MAX);
  EXPECT_EQ(let_in(filter, 100), 100);
}

TEST_F(Limit, are_per_client_an_ipv6_network_being_one) {
  const RateLimitFilter filter(counts_, scope(LimitKind::rate), 1);
  EXPECT_EQ(let_in(filter, 3), 1);
  for (const auto* other : {"192.0.2.8", "2001:db8:0:1::1", "2001:db8:0:2::1"}) {
    client(other);
    EXPECT_EQ(let_in(filter, 3), 1) << other;
  }
  for (const auto* same : {"::ffff:192.0.2.7", "2001:db8:0:1:ffff::2"}) {
    client(same);
    EXPECT_EQ(let_in(filter, 3), 0) << same;
  }
}

TEST_F(Limit, are_per_host_or_route_and_the_same_after_a_reload) {
  const RateLimitFilter host(counts_, scope(LimitKind::rate), 2);
  EXPECT_EQ(let_in(host, 3), 2);
  EXPECT_EQ(let_in(RateLimitFilter(counts_, scope(LimitKind::rate, "b.test"), 2), 3), 2);
  EXPECT_EQ(let_in(RateLimitFilter(counts_, scope(LimitKind::rate, "a.test", "/x"), 2), 3), 2);
  EXPECT_EQ(let_in(RateLimitFilter(counts_, scope(LimitKind::rate), 5), 9), 2) << "3 were counted";
}

TEST_F(Limit, of_errors_refuse_until_a_second_was_quiet) {
  const ErrorLimitFilter filter(counts_, scope(LimitKind::errors), 2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(filter), 200) << "more than the limit must have been counted";
    ends(filter, 404);
  }
  EXPECT_EQ(ask(filter), 429);
  EXPECT_EQ(reply_.reason, Reason::x4xx_limited);
  EXPECT_EQ(field("Retry-After"), "1");
  wait(900);
  EXPECT_EQ(ask(filter), 429) << "and begins the second again";
  wait(900);
  EXPECT_EQ(ask(filter), 429);
  wait(1000);
  EXPECT_EQ(ask(filter), 200);
}

TEST_F(Limit, of_errors_count_the_4xx_of_upstreams_and_ours_but_not_our_429) {
  const ErrorLimitFilter filter(counts_, scope(LimitKind::errors), 0);
  for (const auto status :
       {std::uint16_t{200}, std::uint16_t{399}, std::uint16_t{500}, std::uint16_t{0}})
    ends(filter, status);
  ends(filter, 429, Reason::rate_limited);
  ends(filter, 429, Reason::x4xx_limited);
  ends(filter, 429, Reason::auth_throttled);
  ends(filter, 502, Reason::connect_failed);
  EXPECT_EQ(ask(filter), 200);
  for (const auto& [status, reason] :
       {std::pair{400, std::optional<Reason>()}, std::pair{499, std::optional<Reason>()},
        std::pair{429, std::optional<Reason>()},
        std::pair{405, std::optional(Reason::method_not_allowed)}}) {
    ends(filter, static_cast<std::uint16_t>(status), reason);
    EXPECT_EQ(ask(filter), 429) << status;
    wait(2000);
    EXPECT_EQ(ask(filter), 200);
  }
}

TEST_F(Limit, of_errors_count_calls_of_grpc_that_are_to_blame) {
  const ErrorLimitFilter filter(counts_, scope(LimitKind::errors), 0);
  std::string counted;
  for (std::uint8_t status = 0; status < 20; ++status) {
    ends(filter, RequestSummary{.status = 200, .grpc_status = status, .complete = true});
    if (ask(filter) != 429) continue;
    counted += std::to_string(status) + " ";
    wait(2000);
  }
  EXPECT_EQ(counted, "3 5 6 7 9 11 16 ");
  ends(filter, RequestSummary{
                   .status = 200, .reason = Reason::auth_wrong, .grpc_status = std::uint8_t{16}});
  EXPECT_EQ(ask(filter), 429) << "also where the answer is ours";
  wait(2000);
  ends(filter, RequestSummary{
                   .status = 200, .reason = Reason::rate_limited, .grpc_status = std::uint8_t{14}});
  EXPECT_EQ(ask(filter), 200) << "but for that of a limit";
}

TEST_F(Limit, of_failed_authorization_let_nobody_try_for_the_rest_of_ten_seconds) {
  const AuthThrottleFilter filter(FailureCount(counts_, scope(LimitKind::failed_auth), 3));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(ask(filter), 200);
    ends(filter, i % 2 == 0 ? 401 : 200, i % 2 == 0 ? Reason::auth_wrong : Reason::auth_expired);
  }
  wait(2500);
  EXPECT_EQ(ask(filter), 429);
  EXPECT_EQ(reply_.reason, Reason::auth_throttled);
  EXPECT_EQ(field("Retry-After"), "8");
  ends(filter, 429, Reason::auth_throttled);
  wait(7500);
  EXPECT_EQ(ask(filter), 200);
}

TEST_F(Limit, of_failed_authorization_do_not_count_what_was_let_in) {
  const AuthThrottleFilter filter(FailureCount(counts_, scope(LimitKind::failed_auth), 0));
  ends(filter, 401);  // of an upstream
  for (const Reason no_guess :
       {Reason::auth_missing, Reason::auth_denied, Reason::auth_unreachable, Reason::auth_timeout})
    ends(filter, 401, no_guess);
  ends(filter, 200);
  ends(filter, 503, Reason::auth_unavailable);
  EXPECT_EQ(ask(filter), 200);
}

}  // namespace
}  // namespace aralez
