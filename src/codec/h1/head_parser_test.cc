#include "codec/h1/head_parser.h"

#include <gtest/gtest.h>

#include <array>

namespace aralez::h1 {
namespace {

constexpr HeadLimits kLimits{1024, 16, 256};

struct Parsed {
  explicit Parsed(std::string t) : text(std::move(t)) {}
  std::string text;
  std::array<Field, 20> storage;
  Head head;
  Persistence persistence;
  ParseResult result{};
};

std::unique_ptr<Parsed> request(std::string text, const HeadLimits& limits = kLimits) {
  auto p = std::make_unique<Parsed>(std::move(text));
  p->result = parse_request(p->text, limits, p->storage, p->head, p->persistence);
  return p;
}
std::unique_ptr<Parsed> response(std::string text, const HeadLimits& limits = kLimits) {
  auto p = std::make_unique<Parsed>(std::move(text));
  p->result = parse_response(p->text, limits, p->storage, p->head, p->persistence);
  return p;
}

TEST(RequestHead, is_read_in_place_and_leaves_what_is_behind_it) {
  const auto p = request("GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-Two:  v w \t\r\n\r\nbody");
  ASSERT_EQ(p->result.outcome, Parse::done);
  EXPECT_EQ(p->text.substr(p->result.bytes), "body");
  EXPECT_EQ(p->head.method, Method::get);
  EXPECT_EQ(p->head.target, "/a?b");
  EXPECT_EQ(p->head.authority, "a.test");
  ASSERT_EQ(p->head.fields.size(), 2U);
  const Field& two = *(p->head.fields.begin() + 1);
  EXPECT_EQ(two.name, "X-Two");
  EXPECT_EQ(two.value, "v w");
  EXPECT_EQ(static_cast<const void*>(two.name.data()), p->text.data() + p->text.find("X-Two"));
}

TEST(RequestHead, wants_more_at_every_byte_before_its_end) {
  const std::string whole =
      "POST http://a.test/x HTTP/1.1\r\nHost: b.test\r\nContent-Length: 3\r\nA:\r\n\r\n";
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_EQ(request(whole.substr(0, n))->result.outcome, Parse::more) << n;
  EXPECT_EQ(request(whole)->result.outcome, Parse::done);
}

struct Target {
  std::string_view line, target, scheme, authority;
};
class Targets : public ::testing::TestWithParam<Target> {};

TEST_P(Targets, are_taken_apart) {
  const Target& c = GetParam();
  const auto p = request(std::string(c.line) + " HTTP/1.1\r\nHost: h.test\r\n\r\n");
  ASSERT_EQ(p->result.outcome, Parse::done) << p->result.error.why;
  EXPECT_EQ(p->head.target, c.target);
  EXPECT_EQ(p->head.scheme, c.scheme);
  EXPECT_EQ(p->head.authority, c.authority);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Targets,
    ::testing::Values(Target{"GET /", "/", "", "h.test"},
                      Target{"GET //a/../b?c=http://d", "//a/../b?c=http://d", "", "h.test"},
                      Target{"OPTIONS *", "*", "", "h.test"},
                      Target{"GET http://o.test/p?q", "/p?q", "http", "o.test"},
                      Target{"GET HTTPS://o.test:81", "/", "HTTPS", "o.test:81"},
                      Target{"OPTIONS http://o.test", "*", "http", "o.test"},
                      Target{"GET http://o.test?q=/x", "?q=/x", "http", "o.test"},
                      Target{"OPTIONS http://o.test?", "?", "http", "o.test"},
                      Target{"CONNECT a.test:443", "a.test:443", "", "h.test"}));

struct Refused {
  std::string_view name;
  std::string text;
  int status;
};
class Requests : public ::testing::TestWithParam<Refused> {};

TEST_P(Requests, are_refused_with_a_status_for_the_client) {
  const auto p = request(GetParam().text);
  ASSERT_EQ(p->result.outcome, Parse::bad);
  EXPECT_EQ(p->result.error.status, GetParam().status) << p->result.error.why;
  EXPECT_FALSE(p->result.error.why.empty());
}

std::string line(std::string_view l) {
  return std::string(l) + "\r\nHost: a\r\n\r\n";
}
std::string field(std::string_view f) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(f) + "\r\n\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Lines, Requests,
    ::testing::Values(Refused{"no_method", line(" / HTTP/1.1"), 400},
                      Refused{"method_not_a_token", line("G(T / HTTP/1.1"), 400},
                      Refused{"method_too_long", line(std::string(65, 'M') + " / HTTP/1.1"), 400},
                      Refused{"two_blanks_before_target", line("GET  / HTTP/1.1"), 400},
                      Refused{"two_blanks_behind_target", line("GET /  HTTP/1.1"), 400},
                      Refused{"tab_for_blank", line("GET\t/ HTTP/1.1"), 400},
                      Refused{"target_missing", line("GET HTTP/1.1"), 400},
                      Refused{"target_with_control", line("GET /a\x01 HTTP/1.1"), 400},
                      Refused{"target_above_ascii", line("GET /\xc3\xa4 HTTP/1.1"), 400},
                      Refused{"target_with_fragment", line("GET /a#b HTTP/1.1"), 400},
                      Refused{"target_of_no_form", line("GET a/b HTTP/1.1"), 400},
                      Refused{"target_of_other_scheme", line("GET ftp://a/b HTTP/1.1"), 400},
                      Refused{"target_without_authority", line("GET http:///b HTTP/1.1"), 400},
                      Refused{"star_for_get", line("GET * HTTP/1.1"), 400},
                      Refused{"target_too_long",
                              line("GET /" + std::string(256, 'a') + " HTTP/1.1"), 414},
                      Refused{"version_missing", line("GET /"), 400},
                      Refused{"version_lower_case", line("GET / http/1.1"), 400},
                      Refused{"version_two", line("GET / HTTP/2.0"), 505},
                      Refused{"version_of_two_digits", line("GET / HTTP/1.10"), 400},
                      Refused{"blank_behind_version", line("GET / HTTP/1.1 "), 400},
                      Refused{"bare_lf_behind_version", "GET / HTTP/1.1\nHost: a\n\n", 400},
                      Refused{"preface_of_http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Fields, Requests,
    ::testing::Values(Refused{"name_empty", field(": x"), 400},
                      Refused{"no_colon", field("Name"), 400},
                      Refused{"blank_before_colon", field("Name : x"), 400},
                      Refused{"tab_before_colon", field("Name\t: x"), 400},
                      Refused{"name_not_a_token", field("Na(me: x"), 400},
                      Refused{"name_above_ascii", field("N\xe4me: x"), 400},
                      Refused{"folded_with_blank", field("A: b\r\n c"), 400},
                      Refused{"folded_with_tab", field("A: b\r\n\tc"), 400},
                      Refused{"blank_before_first_name", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
                      Refused{"value_with_nul", field(std::string_view("A: b\0c", 6)), 400},
                      Refused{"value_with_delete", field("A: b\x7f"), 400},
                      Refused{"value_with_bare_cr", field("A: b\rc"), 400},
                      Refused{"value_with_bare_lf", field("A: b\nB: c"), 400},
                      Refused{"last_line_with_bare_lf", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
                      Refused{"last_line_with_cr_cr", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400},
                      Refused{"head_too_large", field("A: " + std::string(2000, 'b')), 431}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(RequestHead, refuses_more_fields_than_the_limit_before_the_head_is_complete) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < 16; ++i) text += "A: b\r\n";
  EXPECT_EQ(request(text + "\r\n")->result.outcome, Parse::done);
  EXPECT_EQ(request(text + "A: b")->result.error.status, 431);
}

TEST(RequestHead, refuses_a_head_that_does_not_end_within_the_limit) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  EXPECT_EQ(request(start + std::string(1024 - start.size(), 'b'))->result.outcome, Parse::more);
  EXPECT_EQ(request(start + std::string(1025 - start.size(), 'b'))->result.error.status, 431);
  const std::string exact = start + std::string(1020 - start.size(), 'b') + "\r\n\r\n";
  EXPECT_EQ(request(exact)->result.outcome, Parse::done);
}

TEST(RequestHead, marks_names_with_an_underscore) {
  const auto p = request(field("X_Forwarded_For: 1"));
  ASSERT_EQ(p->result.outcome, Parse::done);
  EXPECT_FALSE(p->head.fields.begin()->underscore);
  EXPECT_TRUE((p->head.fields.begin() + 1)->underscore);
}

TEST(RequestHead, takes_any_minor_version_above_zero_for_1_1) {
  EXPECT_EQ(request(line("GET / HTTP/1.9"))->head.version, HttpVersion::http11);
  EXPECT_EQ(request(line("GET / HTTP/1.0"))->head.version, HttpVersion::http10);
}

struct Status {
  std::string_view line;
  int status;
  std::string_view reason;
};
class StatusLines : public ::testing::TestWithParam<Status> {};

TEST_P(StatusLines, are_read) {
  const auto p = response(std::string(GetParam().line) + "\r\n\r\n");
  ASSERT_EQ(p->result.outcome, Parse::done) << p->result.error.why;
  EXPECT_EQ(p->head.status, GetParam().status);
  EXPECT_EQ(p->head.reason, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Cases, StatusLines,
                         ::testing::Values(Status{"HTTP/1.1 200 OK", 200, "OK"},
                                           Status{"HTTP/1.1 200 ", 200, ""},
                                           Status{"HTTP/1.1 200", 200, ""},
                                           Status{"HTTP/1.0 599 a b\xfc", 599, "a b\xfc"},
                                           Status{"HTTP/1.1 100 Continue", 100, "Continue"}));

TEST(ResponseHead, refuses_what_is_no_status_line) {
  for (const std::string_view bad :
       {"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1 +20 x",
        "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK", "HTTP/2.0 200 OK", "http/1.1 200 OK", "ICY 200 OK",
        " HTTP/1.1 200 OK", "HTTP/1.1 200 a\x01"})
    EXPECT_EQ(response(std::string(bad) + "\r\n\r\n")->result.outcome, Parse::bad) << bad;
  EXPECT_EQ(response("HTTP/1.1 200 OK\n\n")->result.outcome, Parse::bad);
}

TEST(ResponseHead, is_refused_as_an_upstream_fault_whatever_is_wrong_with_it) {
  for (const std::string& bad :
       {std::string("HTTP/2.0 200 OK\r\n\r\n"), std::string("http/1.1 200 OK\r\n\r\n"),
        std::string("HTTP/x.1 200 OK\r\n\r\n"), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\n A: b\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nA: " + std::string(2000, 'b') + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: " + std::string(2000, 'b')}) {
    const auto p = response(bad);
    ASSERT_EQ(p->result.outcome, Parse::bad) << bad;
    EXPECT_EQ(p->result.error.status, 502) << bad;
    EXPECT_EQ(p->result.error.reason, Reason::upstream_protocol) << bad;
  }
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_EQ(response(many + "\r\n")->result.error.status, 502);
}

TEST(ResponseHead, wants_more_at_every_byte_before_its_end) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\n\r\n";
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_EQ(response(whole.substr(0, n))->result.outcome, Parse::more) << n;
}

TEST(Trailers, drop_names_that_would_change_the_message_after_the_fact) {
  const std::string_view text =
      "X-Sum: 1\r\nContent-Length: 5\r\nHost: b\r\nTransfer-Encoding: chunked\r\nCookie: c\r\n"
      "X_Sum: 2\r\nAuthorization: d\r\nX-Forwarded-For: 1.2.3.4\r\nETag: \"e\"\r\n\r\nnext";
  std::array<Field, 20> storage;
  Fields fields;
  const auto r = parse_trailers(text, kLimits, storage, fields);
  ASSERT_EQ(r.outcome, Parse::done);
  EXPECT_EQ(text.substr(r.bytes), "next");
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields.begin()->name, "X-Sum");
  EXPECT_EQ((fields.begin() + 1)->name, "ETag");
}

TEST(Trailers, are_as_strict_and_as_bounded_as_a_head) {
  std::array<Field, 20> storage;
  Fields fields;
  const auto outcome = [&](std::string_view text) {
    return parse_trailers(text, kLimits, storage, fields).outcome;
  };
  EXPECT_EQ(outcome("\r\n"), Parse::done);
  EXPECT_EQ(outcome("A: b\r\n"), Parse::more);
  EXPECT_EQ(outcome("A: b\n\r\n"), Parse::bad);
  EXPECT_EQ(outcome("A: b\r\n c\r\n\r\n"), Parse::bad);
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\n\r\n"), Parse::bad);
  EXPECT_EQ(outcome("A: " + std::string(2000, 'b')), Parse::bad);
}

}  // namespace
}  // namespace aralez::h1
