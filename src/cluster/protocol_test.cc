#include "cluster/protocol.h"

#include <gtest/gtest.h>

#include <vector>

namespace aralez {
namespace {

using enum UpstreamProtocol;

const TimePoint kStart = TimePoint{} + std::chrono::hours{1};

EndpointSpec spec(ProtocolPin pin, bool verify = false) {
  EndpointSpec s{.host = "a", .port = 1, .pin = pin};
  s.tls = ClientContext::make({.verify = verify});
  return s;
}

/// The wires that are tried when each fails, in order.
std::vector<Wire> all_tries(const Detection& d, TimePoint now) {
  std::vector<Wire> out;
  WireSet tried;
  while (const auto wire = d.next(tried, now)) {
    out.push_back(*wire);
    tried.add(*wire);
  }
  return out;
}

TEST(Detection, tries_what_gives_nothing_away_first) {
  const Detection d(spec(ProtocolPin::detect));
  EXPECT_EQ(d.known(kStart), unknown);
  EXPECT_EQ(all_tries(d, kStart), (std::vector{Wire::tls, Wire::h2c, Wire::plain_h1}));
}

TEST(Detection, tries_what_it_knows_before_the_rest) {
  Detection d(spec(ProtocolPin::detect));
  EXPECT_TRUE(d.found(h2c, Detection::Evidence::handshake, kStart));
  EXPECT_FALSE(d.found(h2c, Detection::Evidence::handshake, kStart));
  EXPECT_EQ(d.known(kStart), h2c);
  EXPECT_EQ(all_tries(d, kStart), (std::vector{Wire::h2c, Wire::tls, Wire::plain_h1}));
}

TEST(Detection, tries_one_wire_where_a_scheme_or_verification_leaves_no_choice) {
  struct Case {
    EndpointSpec spec;
    Wire wire;
    UpstreamProtocol known;
  };
  for (const Case& c : {Case{spec(ProtocolPin::http), Wire::plain_h1, plain_h1},
                        Case{spec(ProtocolPin::https), Wire::tls, unknown},
                        Case{spec(ProtocolPin::h2c), Wire::h2c, h2c},
                        Case{spec(ProtocolPin::detect, true), Wire::tls, unknown},
                        Case{{.host = "a", .port = 1}, Wire::plain_h1, plain_h1}}) {
    Detection d(c.spec);
    EXPECT_EQ(all_tries(d, kStart), std::vector{c.wire});
    EXPECT_EQ(d.known(kStart), c.known);
    EXPECT_FALSE(d.detects());
    d.lost();
    d.doubt(kStart + std::chrono::hours{1});
    EXPECT_EQ(d.known(kStart), c.known) << "what is pinned is never doubted";
  }
}

TEST(Detection, is_doubted_not_more_often_than_every_five_seconds) {
  Detection d(spec(ProtocolPin::detect));
  d.found(plain_h1, Detection::Evidence::answers, kStart);
  d.doubt(kStart + Millis(4'999));
  EXPECT_EQ(d.known(kStart), plain_h1);
  d.doubt(kStart + Millis(5'000));
  EXPECT_EQ(d.known(kStart), unknown);
  EXPECT_EQ(d.last(), plain_h1) << "connections that are kept may still be used";
  EXPECT_EQ(all_tries(d, kStart).front(), Wire::tls) << "plain HTTP/1.1 would always succeed";
}

TEST(Detection, begins_anew_when_the_endpoint_could_not_be_reached) {
  Detection d(spec(ProtocolPin::detect));
  d.found(tls_h2, Detection::Evidence::handshake, kStart);
  d.lost();
  EXPECT_EQ(d.known(kStart), unknown);
  d.found(tls_h2, Detection::Evidence::handshake, kStart);
  EXPECT_EQ(d.known(kStart), tls_h2);
}

TEST(Detection, takes_silence_for_an_answer_only_for_a_while) {
  Detection d(spec(ProtocolPin::detect));
  d.found(plain_h1, Detection::Evidence::silence, kStart);
  EXPECT_EQ(d.known(kStart + Millis(29'999)), plain_h1);
  EXPECT_EQ(d.known(kStart + Millis(30'000)), unknown);
}

TEST(Detection, one_closed_greeting_does_not_make_a_tls_server_a_plain_one) {
  Detection d(spec(ProtocolPin::detect));
  EXPECT_TRUE(d.hung_up()) << "nothing is known of it";
  d.found(tls_h1, Detection::Evidence::handshake, kStart);
  EXPECT_FALSE(d.hung_up());
  d.found(tls_h1, Detection::Evidence::handshake, kStart);
  EXPECT_FALSE(d.hung_up()) << "it spoke TLS in between";
  EXPECT_TRUE(d.hung_up());
}

TEST(Detection, a_wish_for_http1_counts_for_a_while_and_until_the_endpoint_is_gone) {
  Detection d(spec(ProtocolPin::detect));
  d.found(tls_h2, Detection::Evidence::handshake, kStart);
  EXPECT_FALSE(d.http1_wanted(kStart));
  EXPECT_TRUE(d.wants_http1(kStart));
  EXPECT_FALSE(d.wants_http1(kStart)) << "no news";
  EXPECT_TRUE(d.http1_wanted(kStart + Millis(299'999)));
  EXPECT_FALSE(d.http1_wanted(kStart + Millis(300'000)));
  EXPECT_EQ(d.known(kStart), tls_h2) << "it still speaks it";
  EXPECT_TRUE(d.wants_http1(kStart + Millis(300'000)));
  d.lost();
  EXPECT_FALSE(d.http1_wanted(kStart + Millis(300'000)));
}

TEST(Endpoints, are_the_same_when_they_are_judged_alike) {
  EXPECT_EQ(spec(ProtocolPin::detect), spec(ProtocolPin::detect));
  EXPECT_NE(spec(ProtocolPin::detect), spec(ProtocolPin::https));
  EXPECT_NE(spec(ProtocolPin::detect), spec(ProtocolPin::detect, true));
}

}  // namespace
}  // namespace aralez
