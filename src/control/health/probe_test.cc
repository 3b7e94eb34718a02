#include "control/health/probe.h"

#include <gtest/gtest.h>

#include <functional>

namespace aralez {
namespace {

using Ask = ProbeStep::Ask;
using Kind = ProbeOutcome::Kind;
using Spec = HealthCheckSpec::Kind;

constexpr Millis kTime{2'000};

/// A server that answers as a test says, and the steps that a check of it takes.
struct Check {
  explicit Check(HealthCheckSpec spec = {}, ProtocolPin pin = ProtocolPin::detect,
                 bool verify = false, std::string host = "10.0.0.1")
      : state({.host = std::move(host),
               .port = 80,
               .pin = pin,
               .tls = ClientPolicy{.verify = verify},
               .server_name = "a.test"},
              std::move(spec), nullptr) {}

  using Server = std::function<ProbeOutcome(const ProbeStep&)>;
  /// One letter for each step: wire, then what was asked, then a verdict.
  std::string run(const Server& server, UpstreamProtocol known = UpstreamProtocol::unknown) {
    std::string out;
    auto step = std::optional(probe.begin(known, kTime));
    while (step && out.size() < 60) {
      out += step->wire == Wire::tls ? "tls " : step->wire == Wire::h2c ? "h2c " : "h1 ";
      out += step->ask == Ask::http ? "http, " : step->ask == Ask::grpc ? "grpc, " : "greeting, ";
      last = *step;
      step = probe.next(server(*step), left);
    }
    switch (probe.verdict()) {
      case Probe::Verdict::good: return out + "good";
      case Probe::Verdict::bad: return out + "bad: " + probe.error();
      case Probe::Verdict::none: break;
    }
    return out + "none";
  }

  HealthState state;
  Probe probe{state};
  ProbeStep last;
  Millis left{1'000};
};

ProbeOutcome no_answer() {
  return {.kind = Kind::no_answer, .error = "closed"};
}

Check::Server plain(std::uint32_t status) {
  return [status](const ProbeStep& s) -> ProbeOutcome {
    if (s.wire != Wire::plain_h1) return no_answer();
    return {.kind = Kind::answered, .status = status};
  };
}

Check::Server tls(std::uint32_t status) {
  return [status](const ProbeStep& s) -> ProbeOutcome {
    if (s.wire != Wire::tls) return no_answer();
    return {.kind = Kind::answered, .status = status};
  };
}

/// HTTP/2 in clear: what it answers to gRPC's question and to a request.
Check::Server h2c(const ProbeOutcome& grpc, const ProbeOutcome& http) {
  return [=](const ProbeStep& s) -> ProbeOutcome {
    if (s.wire != Wire::h2c) return no_answer();
    if (s.ask == Ask::greeting) return {.kind = Kind::answered};
    return s.ask == Ask::grpc ? grpc : http;
  };
}
const ProbeOutcome kServing{
    .kind = Kind::answered, .status = 200, .grpc_status = 0, .grpc_serving = true};
const ProbeOutcome kNotServing{.kind = Kind::answered, .status = 200, .grpc_status = 0};
const ProbeOutcome kUnimplemented{.kind = Kind::answered, .status = 200, .grpc_status = 12};
const ProbeOutcome kUnknownService{.kind = Kind::answered, .status = 200, .grpc_status = 5};
const ProbeOutcome kPage{.kind = Kind::answered, .status = 404};

TEST(Probe, finds_out_what_is_spoken_and_remembers_it) {
  Check check;
  EXPECT_EQ(check.run(plain(200)), "tls http, h2c greeting, h1 http, good");
  EXPECT_EQ(check.run(plain(200)), "h1 http, good");
  EXPECT_EQ(check.run(plain(500)), "h1 http, bad: status 500");
}

TEST(Probe, takes_over_what_workers_have_found_out) {
  EXPECT_EQ(Check().run(plain(200), UpstreamProtocol::plain_h1), "h1 http, good");
  EXPECT_EQ(Check().run(tls(200), UpstreamProtocol::tls_h2), "tls http, good");
  EXPECT_EQ(Check().run(h2c(kServing, kPage), UpstreamProtocol::h2c), "h2c grpc, good");
}

TEST(Probe, looks_again_when_the_server_has_changed) {
  Check check;
  EXPECT_EQ(check.run(tls(200)), "tls http, good");
  EXPECT_EQ(check.run(plain(200)), "tls http, h2c greeting, h1 http, good");
}

TEST(Probe, keeps_to_the_scheme_of_the_configuration) {
  EXPECT_EQ(Check({}, ProtocolPin::http).run(tls(200)), "h1 http, bad: closed");
  EXPECT_EQ(Check({}, ProtocolPin::https).run(plain(200), UpstreamProtocol::plain_h1),
            "tls http, bad: closed");
  EXPECT_EQ(Check({}, ProtocolPin::h2c).run(plain(200)), "h2c grpc, h2c greeting, bad: closed");
  EXPECT_EQ(Check({}, ProtocolPin::detect, true).run(plain(200)), "tls http, bad: closed")
      << "what is verified is not asked in clear";
}

TEST(Probe, no_protocol_of_ours_is_bad) {
  EXPECT_EQ(Check().run([](const ProbeStep&) { return no_answer(); }),
            "tls http, h2c greeting, h1 http, bad: speaks neither TLS nor HTTP");
}

TEST(Probe, a_known_server_that_answers_nothing_is_bad_for_that_reason) {
  Check check;
  (void)check.run(plain(200));
  EXPECT_EQ(check.run([](const ProbeStep&) { return no_answer(); }),
            "h1 http, tls http, h2c greeting, bad: closed");
  EXPECT_TRUE(check.probe.reached());
}

TEST(Probe, whoever_cannot_be_reached_is_not_asked_otherwise) {
  Check check;
  const auto refused = [](const ProbeStep&) {
    return ProbeOutcome{.kind = Kind::unreachable, .error = "connection refused"};
  };
  EXPECT_EQ(check.run(refused), "tls http, bad: connection refused");
  EXPECT_FALSE(check.probe.reached());
}

TEST(Probe, our_own_trouble_is_no_verdict) {
  EXPECT_EQ(Check().run([](const ProbeStep&) { return ProbeOutcome{}; }), "tls http, none");
}

TEST(Probe, time_is_divided_while_it_finds_out) {
  Check check;
  const auto silent = [&](const ProbeStep& s) {
    check.left -= s.time;
    return ProbeOutcome{.kind = Kind::too_slow, .error = "silent"};
  };
  check.left = kTime;
  EXPECT_EQ(check.probe.begin(UpstreamProtocol::unknown, kTime).time, Millis(800));
  EXPECT_EQ(check.run(silent), "tls http, h2c greeting, h1 http, bad: silent");
  EXPECT_EQ(check.left, Millis(0)) << "and the last one has the rest";
  EXPECT_EQ(check.probe.begin(UpstreamProtocol::plain_h1, kTime).time, kTime);
}

TEST(Probe, an_alert_is_tls) {
  Check check;
  const auto alert = [](const ProbeStep&) {
    return ProbeOutcome{.kind = Kind::spoke_tls, .error = "alert"};
  };
  EXPECT_EQ(check.run(alert), "tls http, bad: alert");
}

TEST(Probe, grpc_decides_where_http2_in_clear_speaks_it) {
  EXPECT_EQ(Check().run(h2c(kServing, kPage)), "tls http, h2c greeting, h2c grpc, good");
  EXPECT_EQ(Check().run(h2c(kNotServing, kPage)),
            "tls http, h2c greeting, h2c grpc, bad: says by gRPC that it is not serving");
}

TEST(Probe, a_request_decides_where_there_is_no_grpc) {
  Check check({}, ProtocolPin::h2c);
  EXPECT_EQ(check.run(h2c(kUnimplemented, kPage)), "h2c grpc, h2c http, good");
  EXPECT_EQ(check.run(h2c(kUnimplemented, {.kind = Kind::answered, .status = 503})),
            "h2c http, bad: status 503")
      << "gRPC is not asked for again";
  Check page({}, ProtocolPin::h2c);
  EXPECT_EQ(page.run(h2c(kPage, kPage)), "h2c grpc, h2c http, good");
}

TEST(Probe, one_that_speaks_http2_and_answers_no_request_is_good_unless_an_answer_was_asked_for) {
  EXPECT_EQ(Check({}, ProtocolPin::h2c).run(h2c(no_answer(), no_answer())),
            "h2c grpc, h2c greeting, good");
  EXPECT_EQ(Check().run(h2c(no_answer(), no_answer())), "tls http, h2c greeting, h2c grpc, good");
  EXPECT_EQ(Check({.kind = Spec::http}, ProtocolPin::h2c).run(h2c(no_answer(), no_answer())),
            "h2c http, h2c greeting, bad: closed");
}

TEST(Probe, grpc_asked_for_is_all_that_counts) {
  const HealthCheckSpec spec{.kind = Spec::grpc};
  EXPECT_EQ(Check(spec).run(h2c(kServing, kPage)), "tls grpc, h2c greeting, h2c grpc, good");
  EXPECT_EQ(Check(spec).run(h2c(kUnknownService, kPage)),
            "tls grpc, h2c greeting, h2c grpc, bad: gRPC health check answered NOT_FOUND");
  EXPECT_EQ(Check(spec, ProtocolPin::h2c).run(h2c(kPage, kPage)),
            "h2c grpc, bad: no answer of gRPC, but status 404");
  EXPECT_EQ(Check(spec).run(plain(200), UpstreamProtocol::plain_h1),
            "tls grpc, h2c greeting, bad: does not speak HTTP/2");
}

TEST(Probe, a_certificate_may_be_for_the_endpoints_name_instead_of_the_routes) {
  Check check({}, ProtocolPin::https, true, "backend.test");
  const auto endpoint_name = [](const ProbeStep& s) -> ProbeOutcome {
    if (s.name == ProbeStep::Name::route) return {.kind = Kind::unverified, .error = "wrong name"};
    return {.kind = Kind::answered, .status = 200};
  };
  EXPECT_EQ(check.run(endpoint_name), "tls http, tls http, good");
  EXPECT_EQ(check.run(endpoint_name), "tls http, good") << "remembered";
  EXPECT_EQ(check.run([](const ProbeStep&) {
    return ProbeOutcome{.kind = Kind::unverified, .error = "expired"};
  }),
            "tls http, tls http, bad: expired");
  EXPECT_EQ(Check({}, ProtocolPin::https, true).run(endpoint_name), "tls http, bad: wrong name")
      << "an address is no name";
}

}  // namespace
}  // namespace aralez
