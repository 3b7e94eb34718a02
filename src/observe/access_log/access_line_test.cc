#include "observe/access_log/access_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

AccessRecord record() {
  AccessRecord r;
  r.facts.status = 200;
  r.facts.version = VersionLabel::http11;
  r.text(AccessText::method) = "GET";
  r.text(AccessText::target) = "/a?b=1";
  r.text(AccessText::host) = "a.test";
  r.text(AccessText::client) = "10.0.0.1";
  r.text(AccessText::user_agent) = "curl/8.0, (x)";
  return r;
}

std::string message(const AccessRecord& r) {
  std::string out;
  AccessLineWriter(AccessLogFormat::text).append_message(out, r);
  return out;
}

std::string line(AccessLogFormat format, const AccessRecord& r,
                 std::chrono::system_clock::time_point time = {}) {
  std::string out;
  AccessLineWriter(format).append(out, r, time);
  return out;
}

TEST(AccessLine, text_is_that_of_the_original) {
  EXPECT_EQ(message(record()),
            "200, GET /a?b=1, Host: a.test, client: 10.0.0.1, version: HTTP/1.1, "
            "useragent: curl/8.0, (x)");
}

TEST(AccessLine, without_host_the_part_is_empty_and_without_user_agent_there_is_a_dash) {
  AccessRecord r = record();
  r.facts.status = 0;
  r.facts.version = VersionLabel::http2;
  r.text(AccessText::host) = {};
  r.text(AccessText::user_agent) = {};
  EXPECT_EQ(message(r), "0, GET /a?b=1, Host: , client: 10.0.0.1, version: HTTP/2.0, useragent: -");
  r.text(AccessText::user_agent) = std::string_view("", 0);
  EXPECT_THAT(message(r), ::testing::EndsWith(", useragent: "));
}

TEST(AccessLine, text_begins_as_lines_of_the_server_log_do) {
  EXPECT_THAT(line(AccessLogFormat::text, record()),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} INFO "
                           "aralez::web::logging - 200, GET .*\n"));
}

TEST(AccessLine, a_client_can_neither_forge_a_line_nor_a_field_before_its_user_agent) {
  AccessRecord r = record();
  r.text(AccessText::target) = "/\n2026-01-01 00:00:00 INFO x - y\r\x1b[2J";
  r.text(AccessText::host) = "a, client: 6.6.6.6";
  r.text(AccessText::method) = "G T";
  r.text(AccessText::user_agent) = "x\n\xff\xc2\x9b, client: 6.6.6.6";
  EXPECT_EQ(message(r),
            "200, G\\x20T /\\n2026-01-01\\x2000:00:00\\x20INFO\\x20x\\x20-\\x20y\\r\\x1b[2J, "
            "Host: a,\\x20client:\\x206.6.6.6, client: 10.0.0.1, version: HTTP/1.1, "
            "useragent: x\\n\\xff\\xc2\\x9b, client: 6.6.6.6");
}

TEST(AccessLine, secrets_are_hidden_and_what_was_cut_says_so) {
  AccessRecord r = record();
  r.text(AccessText::target) = "/a?araleztoken=abc&x=1";
  r.cut = 1U << std::to_underlying(AccessText::target) |
          1U << std::to_underlying(AccessText::user_agent);
  EXPECT_THAT(message(r), HasSubstr("GET /a?araleztoken=***&x=1..., Host"));
  EXPECT_THAT(message(r), ::testing::EndsWith("(x)..."));
  EXPECT_THAT(line(AccessLogFormat::json, r),
              HasSubstr(R"("target":"/a?araleztoken=***&x=1...",)"));
}

TEST(AccessLine, json_has_what_is_known_and_leaves_out_what_is_not) {
  AccessRecord r = record();
  r.text(AccessText::user_agent) = "curl/8.0";
  r.facts.total = 12345678ns;
  EXPECT_EQ(line(AccessLogFormat::json, r, std::chrono::system_clock::time_point(1'500ms)),
            R"({"time":"1970-01-01T00:00:01.500Z","status":200,"method":"GET",)"
            R"("target":"/a?b=1","host":"a.test","client":"10.0.0.1","version":"HTTP/1.1",)"
            R"("user_agent":"curl/8.0","bytes_in":0,"bytes_out":0,"total_ms":12.345})"
            "\n");
  r.facts.connected = 0ns;
  r.facts.first_byte = 1'000'000'000ns;
  r.facts.bytes_in = 3;
  r.facts.bytes_out = 4'000'000'000;
  r.facts.attempts = 2;
  r.facts.grpc_status = std::uint8_t{5};
  r.facts.upstream_protocol = UpstreamLabel::https2;
  r.facts.tls = TlsLabel::tls13;
  r.facts.reason = Reason::upstream_timeout;
  r.text(AccessText::request_id) = "abc";
  r.text(AccessText::route_host) = "DEFAULT";
  r.text(AccessText::route_path) = "/";
  r.text(AccessText::upstream) = "10.1.0.1:80";
  EXPECT_EQ(line(AccessLogFormat::json, r),
            R"({"time":"1970-01-01T00:00:00.000Z","status":200,"grpc_status":5,"method":"GET",)"
            R"("target":"/a?b=1","host":"a.test","client":"10.0.0.1","version":"HTTP/1.1",)"
            R"("tls":"TLSv1.3","user_agent":"curl/8.0","request_id":"abc",)"
            R"("route_host":"DEFAULT","route_path":"/","upstream":"10.1.0.1:80",)"
            R"("upstream_protocol":"h2","attempts":2,"bytes_in":3,"bytes_out":4000000000,)"
            R"("connect_ms":0.000,"first_byte_ms":1000.000,"total_ms":12.345,)"
            R"("reason":"upstream_timeout"})"
            "\n");
}

TEST(AccessLine, json_stays_json_whatever_a_client_sends) {
  AccessRecord r = record();
  r.text(AccessText::user_agent) = "\"},{\"status\":1\\\n\x01\xff\xe2\x82";
  EXPECT_THAT(line(AccessLogFormat::json, r),
              HasSubstr(R"("user_agent":"\"},{\"status\":1\\\u000a\u0001\\xff\\xe2\\x82",)"));
}

}  // namespace
}  // namespace aralez
