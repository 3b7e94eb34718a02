#include "control/fetch/fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/fetch/test_server_test.h"

namespace aralez {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(Fetcher, gets_a_body_and_its_status_and_keeps_the_connection) {
  TestServer server(answer("404 Not Found", "nothing here"));
  Fetcher fetcher;
  for (int i = 0; i < 2; ++i) {
    const auto got = fetcher.ask(plain(server.url("/x?y")));
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(got->status, 404);
    EXPECT_EQ(got->body, "nothing here");
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.heard(), ContainsRegex("^GET /x.y HTTP/1.1\r\n"));
}

TEST(Fetcher, sends_fields_of_one_request_with_that_one) {
  TestServer server(answer("200 OK", ""));
  Fetcher fetcher;
  FetchRequest request = plain(server.url("/"));
  request.fields = {"X-One: 1", "X-Two: 2"};
  ASSERT_TRUE(fetcher.ask(request));
  EXPECT_THAT(server.heard(), HasSubstr("X-One: 1\r\nX-Two: 2\r\n"));
  const std::size_t before = server.heard().size();
  ASSERT_TRUE(fetcher.ask(plain(server.url("/"))));
  EXPECT_EQ(server.heard().find("X-One", before), std::string::npos);
}

TEST(Fetcher, takes_as_much_as_it_may_and_no_more) {
  TestServer server(answer("200 OK", std::string(1000, 'x')));
  Fetcher fetcher;
  EXPECT_EQ(fetcher.ask(plain(server.url("/"), 1000))->body.size(), 1000U);
  EXPECT_EQ(fetcher.ask(plain(server.url("/"), 999)).error(),
            "the answer is larger than 999 bytes");
}

TEST(Fetcher, speaks_https_alone_unless_it_is_told_otherwise) {
  TestServer server(answer("200 OK", ""));
  Fetcher fetcher;
  EXPECT_FALSE(fetcher.ask({.url = server.url("/"), .max_bytes = 1000}));
  EXPECT_FALSE(fetcher.ask(plain("file:///etc/hostname")));
  EXPECT_EQ(server.connections(), 0);
}

TEST(Fetcher, follows_no_redirect) {
  TestServer other(answer("200 OK", ""));
  TestServer server(answer("302 Found", "", "Location: " + other.url("/") + "\r\n"));
  Fetcher fetcher;
  EXPECT_EQ(fetcher.ask(plain(server.url("/")))->status, 302);
  EXPECT_EQ(other.connections(), 0);
}

TEST(Fetcher, gives_up_when_time_is_over_or_somebody_wants_it_to_end) {
  TestServer silent("");
  Fetcher fetcher;
  FetchRequest request = plain(silent.url("/"));
  request.timeout = std::chrono::milliseconds{50};
  EXPECT_FALSE(fetcher.ask(request));
  request.timeout = std::chrono::minutes{10};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(fetcher.ask(request, stop.get_token()));
}

TEST(Fetcher, says_who_cannot_be_reached) {
  Fetcher fetcher;
  const auto got = fetcher.ask(plain("http://127.0.0.1:1/"));
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error(), HasSubstr("127.0.0.1"));
}

}  // namespace
}  // namespace aralez
