#include "filter/sticky/sticky.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using std::chrono::seconds;

class Sticky : public ::testing::Test {
 protected:
  static constexpr seconds kAge{3600};

  StickyFilter filter(std::initializer_list<std::uint16_t> ports) {
    std::vector<std::shared_ptr<const StickyEndpoint>> endpoints;
    for (const auto port : ports) endpoints.push_back(book_.of("10.0.0.1", port, kAge));
    return StickyFilter(std::move(endpoints), kAge);
  }
  std::string pair(std::uint16_t port) {
    return "backend_id=" + std::string(book_.of("10.0.0.1", port, kAge)->id());
  }
  std::uint32_t ask(const StickyFilter& f, const std::string& cookie) {
    choice_ = {};
    request_.fields = Fields();
    request_.fields.add(arena_, {"Cookie", arena_.copy(cookie), FieldId::cookie});
    Reply reply;
    EXPECT_EQ(f.on_request_head(context_, reply), Verdict::proceed);
    return choice_.wanted;
  }
  std::string answer(const StickyFilter& f, std::uint32_t used) {
    choice_.used = used;
    Head response;
    f.on_response_head(context_, response);
    return std::string(response.fields.value(FieldId::set_cookie));
  }

  StickyBook book_{"key"};
  BlockPool pool_;
  Arena arena_{pool_};
  Head request_;
  TargetPath path_;
  ClientInfo client_{.ip = "192.0.2.7"};
  EndpointChoice choice_;
  RequestContext context_{.request = request_,
                          .path = path_,
                          .host = "a.test",
                          .client = client_,
                          .arena = arena_,
                          .blocks = pool_,
                          .wall_time = 0,
                          .endpoint = &choice_};
};

TEST_F(Sticky, finds_each_endpoint_of_the_route_and_no_other) {
  const auto f = filter({1, 2, 3, 4, 5});
  for (std::uint16_t i = 0; i < 5; ++i) EXPECT_EQ(ask(f, pair(i + 1)), i);
  EXPECT_EQ(ask(f, pair(6)), EndpointChoice::kNone);
  EXPECT_EQ(ask(f, ""), EndpointChoice::kNone);
}

TEST_F(Sticky, takes_nothing_but_the_very_cookie) {
  const auto f = filter({1, 2});
  for (const std::string& bad :
       {"x" + pair(1), "Backend_id" + pair(1).substr(10), pair(1) + "0", pair(1).substr(0, 60),
        "backend_id=\"" + pair(1).substr(11) + "\"", std::string("backend_id="), "a=" + pair(1),
        "backend_id =" + pair(1).substr(11)})
    EXPECT_EQ(ask(f, bad), EndpointChoice::kNone) << bad;
  EXPECT_EQ(ask(f, "a=b; " + pair(2) + ";c=d"), 1U);
}

TEST_F(Sticky, of_several_cookies_the_first_that_names_an_endpoint_counts) {
  const auto f = filter({1, 2, 3});
  EXPECT_EQ(ask(f, pair(9) + "; " + pair(3) + "; " + pair(1)), 2U);
}

TEST_F(Sticky, says_so_when_another_endpoint_answered) {
  const auto f = filter({1, 2});
  ask(f, pair(1));
  EXPECT_EQ(answer(f, 0), "");
  EXPECT_EQ(answer(f, 1), pair(2) + "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax");
  ask(f, "");
  client_.tls = true;
  EXPECT_EQ(answer(f, 0), pair(1) + "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure");
}

TEST_F(Sticky, an_endpoint_that_stands_there_twice_is_one) {
  const auto f = filter({1, 1, 2});
  EXPECT_EQ(ask(f, pair(1)), 0U);
  EXPECT_EQ(answer(f, 1), "");
}

TEST_F(Sticky, an_answer_of_no_endpoint_sets_nothing) {
  const auto f = filter({1});
  ask(f, "");
  EXPECT_EQ(answer(f, EndpointChoice::kNone), "");
  context_.endpoint = nullptr;
  EXPECT_EQ(answer(f, 0), "");
}

}  // namespace
}  // namespace aralez
