#include "codec/h1/framing.h"

#include <gtest/gtest.h>

#include <array>

namespace aralez::h1 {
namespace {

constexpr HeadLimits kLimits{4096, 20, 256};

struct Framed {
  std::string text;
  std::array<Field, 20> storage;
  Head head;
  Persistence persistence;
  ParseResult result{};

  [[nodiscard]] int status() const { return result.error.status; }
  [[nodiscard]] bool done() const { return result.outcome == Parse::done; }
  [[nodiscard]] std::string names() const {
    std::string out;
    for (const Field& f : head.fields) out.append(out.empty() ? "" : " ").append(f.name);
    return out;
  }
};

std::unique_ptr<Framed> request(std::string_view fields, std::string_view version = "1.1") {
  auto f = std::make_unique<Framed>();
  f->text = "POST / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) +
            (fields.empty() ? "\r\n" : "\r\n\r\n");
  f->result = parse_request(f->text, kLimits, f->storage, f->head, f->persistence);
  return f;
}
std::unique_ptr<Framed> response(std::string_view status, std::string_view fields) {
  auto f = std::make_unique<Framed>();
  f->text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
            (fields.empty() ? "\r\n" : "\r\n\r\n");
  f->result = parse_response(f->text, kLimits, f->storage, f->head, f->persistence);
  return f;
}

struct Refused {
  std::string_view name, fields;
  int status;
};
class Framing : public ::testing::TestWithParam<Refused> {};

TEST_P(Framing, that_can_be_read_in_two_ways_is_refused) {
  const auto f = request(GetParam().fields);
  EXPECT_EQ(f->result.outcome, Parse::bad);
  EXPECT_EQ(f->status(), GetParam().status) << f->result.error.why;
}

TEST_P(Framing, that_can_be_read_in_two_ways_is_refused_from_an_upstream_too) {
  if (GetParam().status != 417) {
    EXPECT_EQ(response("200 OK", GetParam().fields)->result.outcome, Parse::bad);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Framing,
    ::testing::Values(
        Refused{"length_twice", "Content-Length: 3\r\nContent-Length: 3", 400},
        Refused{"length_in_two_cases", "Content-Length: 3\r\ncontent-length: 3", 400},
        Refused{"length_list", "Content-Length: 3, 3", 400},
        Refused{"length_empty", "Content-Length:", 400},
        Refused{"length_plus", "Content-Length: +3", 400},  // defect 31
        Refused{"length_minus", "Content-Length: -1", 400},
        Refused{"length_hexadecimal", "Content-Length: 0x3", 400},
        Refused{"length_fraction", "Content-Length: 3.0", 400},
        Refused{"length_inner_blank", "Content-Length: 1 0", 400},
        Refused{"length_too_large", "Content-Length: 18446744073709551617", 400},
        Refused{"length_and_chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked", 400},
        Refused{"chunked_and_length", "Transfer-Encoding: chunked\r\nContent-Length: 3", 400},
        Refused{"coding_twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400},
        Refused{"chunked_twice", "Transfer-Encoding: chunked, chunked", 400},
        Refused{"chunked_not_last", "Transfer-Encoding: chunked, gzip", 501},
        Refused{"coding_unknown", "Transfer-Encoding: gzip, chunked", 501},
        Refused{"coding_identity", "Transfer-Encoding: identity", 501},
        Refused{"coding_empty", "Transfer-Encoding:", 400},
        Refused{"coding_not_a_token", "Transfer-Encoding: \"chunked\"", 400},
        Refused{"coding_with_vertical_tab",
                "Transfer-Encoding: \x0b"
                "chunked",
                400},
        Refused{"expectation_unknown", "Expect: 200-ok\r\nContent-Length: 1", 417},
        Refused{"expectation_twice", "Expect: 100-continue\r\nExpect: 100-continue", 417}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(RequestFraming, without_framing_fields_has_no_body) {
  const auto f = request("");
  ASSERT_TRUE(f->done());
  EXPECT_EQ(f->head.length.kind, BodyLength::Kind::none);
  EXPECT_TRUE(f->persistence.keep_alive);
}

TEST(RequestFraming, takes_length_and_coding_out_of_the_fields) {
  const auto length = request("Content-Length: 007\r\nA: b");
  ASSERT_TRUE(length->done());
  EXPECT_EQ(length->head.length.kind, BodyLength::Kind::known);
  EXPECT_EQ(length->head.length.bytes, 7U);
  EXPECT_EQ(length->names(), "Host A");
  const auto chunked = request("Transfer-Encoding: CHUNKED");
  ASSERT_TRUE(chunked->done());
  EXPECT_EQ(chunked->head.length.kind, BodyLength::Kind::unknown);
  EXPECT_EQ(chunked->names(), "Host");
}

TEST(RequestFraming, refuses_transfer_coding_in_http_1_0) {
  EXPECT_EQ(request("Transfer-Encoding: chunked", "1.0")->status(), 400);
}

TEST(RequestFraming, wants_exactly_one_host_in_http_1_1) {
  EXPECT_EQ(request("Host: a")->status(), 400);
  Framed none;
  none.text = "GET / HTTP/1.1\r\n\r\n";
  EXPECT_EQ(
      parse_request(none.text, kLimits, none.storage, none.head, none.persistence).error.status,
      400);
  none.text = "GET / HTTP/1.0\r\n\r\n";
  EXPECT_EQ(parse_request(none.text, kLimits, none.storage, none.head, none.persistence).outcome,
            Parse::done);
  EXPECT_TRUE(none.head.authority.empty());
}

struct Keep {
  std::string_view version, fields;
  bool keep_alive;
};
class Keeping : public ::testing::TestWithParam<Keep> {};

TEST_P(Keeping, follows_version_and_connection_options) {
  const auto f = request(GetParam().fields, GetParam().version);
  ASSERT_TRUE(f->done());
  EXPECT_EQ(f->persistence.keep_alive, GetParam().keep_alive);
}

INSTANTIATE_TEST_SUITE_P(Cases, Keeping,
                         ::testing::Values(Keep{"1.1", "", true},
                                           Keep{"1.1", "Connection: close", false},
                                           Keep{"1.1", "Connection: CLOSE", false},
                                           Keep{"1.1", "Connection: keep-alive, close", false},
                                           Keep{"1.1", "Connection: x\r\nConnection: close", false},
                                           Keep{"1.1", "Connection: closed", true},
                                           Keep{"1.0", "", false},
                                           Keep{"1.0", "Connection: keep-alive", true},
                                           Keep{"1.0", "Connection: Keep-Alive, close", false}));

TEST(HopByHop, fields_and_what_connection_names_do_not_cross) {
  const auto f = request(
      "Connection: X-Token , keep-alive,,x-other\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\n"
      "TE: trailers\r\nX-Token: t\r\nX-Other: o\r\nX-Kept: k");
  ASSERT_TRUE(f->done());
  EXPECT_EQ(f->names(), "Host X-Kept");
}

TEST(HopByHop, connection_cannot_remove_what_policy_rests_on) {
  const auto f = request(
      "Connection: Host, Cookie, Authorization, X-Forwarded-For, X-Real-IP, X-Api-Key\r\n"
      "Cookie: c\r\nAuthorization: a\r\nX-Forwarded-For: 1\r\nX-Real-IP: 2\r\nX-Api-Key: k");
  ASSERT_TRUE(f->done());
  EXPECT_EQ(f->names(), "Host Cookie Authorization X-Forwarded-For X-Real-IP X-Api-Key");
}

TEST(Expectation, is_kept_only_where_a_body_follows) {
  EXPECT_TRUE(request("Expect: 100-Continue\r\nContent-Length: 3")->head.expect_continue);
  EXPECT_TRUE(request("Expect: 100-continue\r\nTransfer-Encoding: chunked")->head.expect_continue);
  EXPECT_FALSE(request("Expect: 100-continue\r\nContent-Length: 0")->head.expect_continue);
  EXPECT_FALSE(request("Expect: 100-continue")->head.expect_continue);
  const auto old = request("Expect: whatever\r\nContent-Length: 3", "1.0");
  EXPECT_TRUE(old->done());
  EXPECT_FALSE(old->head.expect_continue);
}

TEST(Upgrade, is_carried_for_one_protocol_without_a_body) {
  const auto upgrade = [](std::string_view fields, std::string_view version = "1.1") {
    return std::string(request(fields, version)->head.upgrade);
  };
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: websocket"), "websocket");
  EXPECT_EQ(upgrade("Connection: keep-alive, upgrade\r\nUpgrade: websocket"), "websocket");
  EXPECT_EQ(upgrade("Upgrade: websocket"), "");
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: h2c"), "");
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1"), "");
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: a, b"), "");
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1"), "");
  EXPECT_EQ(upgrade("Connection: Upgrade\r\nUpgrade: websocket", "1.0"), "");
}

TEST(ResponseFraming, says_what_the_fields_say) {
  EXPECT_EQ(response("200 OK", "")->head.length.kind, BodyLength::Kind::none);
  EXPECT_EQ(response("304 x", "Content-Length: 12")->head.length.bytes, 12U);
  EXPECT_EQ(response("200 OK", "Transfer-Encoding: chunked")->head.length.kind,
            BodyLength::Kind::unknown);
  EXPECT_FALSE(response("200 OK", "Connection: close")->persistence.keep_alive);
}

TEST(ResponseFraming, names_the_protocol_of_a_switch_and_of_nothing_else) {
  constexpr std::string_view kUpgrade = "Connection: upgrade\r\nUpgrade: websocket";
  EXPECT_EQ(response("101 x", kUpgrade)->head.upgrade, "websocket");
  EXPECT_EQ(response("200 x", kUpgrade)->head.upgrade, "");
  EXPECT_EQ(response("426 x", kUpgrade)->names(), "");
}

}  // namespace
}  // namespace aralez::h1
