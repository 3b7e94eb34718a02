#include "control/fetch/fetch_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "control/fetch/test_server_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(FetchGroup, tells_of_each_when_it_has_ended) {
  TestServer one(answer("200 OK", "one", "X-Index: 5\r\n"));
  TestServer two(answer("404 Not Found", "two"));
  FetchGroup group;
  FetchRequest first = plain(one.url("/"));
  first.wanted_fields = {"x-index", "x-none"};
  group.start(1, first);
  group.start(2, plain(two.url("/")));
  EXPECT_TRUE(group.is_under_way(1));
  for (int i = 0; i < 2; ++i) {
    const auto ended = group.next(Clock::now() + 10s, {});
    ASSERT_TRUE(ended && ended->result);
    EXPECT_EQ(ended->result->body, ended->id == 1 ? "one" : "two");
    EXPECT_EQ(ended->result->status, ended->id == 1 ? 200 : 404);
    if (ended->id == 1) {
      EXPECT_EQ(ended->result->fields, (std::vector<std::string>{"5", ""}));
    }
    EXPECT_FALSE(group.is_under_way(ended->id));
  }
  EXPECT_EQ(group.size(), 0U);
}

TEST(FetchGroup, tells_of_nothing_when_the_time_has_come_or_it_is_to_stop) {
  TestServer silent("");
  FetchGroup group;
  group.start(7, plain(silent.url("/")));
  EXPECT_FALSE(group.next(Clock::now() + 10ms, {}));
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  EXPECT_FALSE(group.next(Clock::now() + 10min, stop.get_token()));
  EXPECT_TRUE(group.is_under_way(7));
}

TEST(FetchGroup, tells_what_went_wrong) {
  FetchGroup group;
  group.start(1, plain("http://127.0.0.1:1/"));
  const auto ended = group.next(Clock::now() + 10s, {});
  ASSERT_TRUE(ended);
  EXPECT_THAT(ended->result.error(), HasSubstr("127.0.0.1"));
}

TEST(Fetcher, gives_the_text_of_a_good_answer_as_it_comes) {
  TestServer good(answer("200 OK", std::string(5000, 'x')));
  TestServer bad(answer("410 Gone", "no"));
  Fetcher fetcher;
  FetchRequest request = plain(good.url("/"), 100);
  std::size_t bytes = 0;
  request.on_text = [&](std::string_view text) {
    bytes += text.size();
    return true;
  };
  const auto got = fetcher.ask(request);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(bytes, 5000U);
  EXPECT_EQ(got->body, "");
  request.on_text = [](std::string_view) { return false; };
  EXPECT_TRUE(fetcher.ask(request)) << "who takes it has had enough";
  request.url = bad.url("/");
  EXPECT_EQ(fetcher.ask(request)->body, "no");
}

}  // namespace
}  // namespace aralez
