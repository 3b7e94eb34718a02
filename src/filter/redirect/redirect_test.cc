#include "filter/redirect/redirect.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

class Redirect : public ::testing::Test {
 protected:
  Verdict run(RedirectConfig config, std::string_view host = "a.test",
              std::string_view forward = "/p?q=1", Method method = Method::get) {
    request_ = Head{.method = method};
    path_ = {.match = "/p", .forward = forward};
    reply_ = Reply{};
    RequestContext context{request_, path_, host, client_, arena_, pool_, 0};
    return RedirectFilter(std::move(config)).on_request_head(context, reply_);
  }
  std::string_view location() { return reply_.fields.value(FieldId::location); }

  BlockPool pool_;
  Arena arena_{pool_};
  Head request_;
  TargetPath path_;
  ClientInfo client_;
  Reply reply_;
};

TEST_F(Redirect, puts_path_and_query_behind_the_new_place) {
  EXPECT_EQ(run({.redirect_to = "https://b.test/x"}), Verdict::replied);
  EXPECT_EQ(location(), "https://b.test/x/p?q=1");
  EXPECT_EQ(reply_.status, 301);
  EXPECT_EQ(reply_.length.kind, BodyLength::Kind::known);
  EXPECT_EQ(run({.redirect_to = "https://b.test"}, "a.test", "*", Method::options),
            Verdict::replied);
  EXPECT_EQ(location(), "https://b.test/");
}

TEST_F(Redirect, keeps_the_method_of_what_is_not_safe_to_turn_into_get) {
  EXPECT_EQ(run({.redirect_to = "/n"}, "a", "/", Method::head), Verdict::replied);
  EXPECT_EQ(reply_.status, 301);
  for (const Method m : {Method::post, Method::put, Method::del, Method::options, Method::other}) {
    EXPECT_EQ(run({.redirect_to = "/n"}, "a", "/", m), Verdict::replied);
    EXPECT_EQ(reply_.status, 308);
  }
}

TEST_F(Redirect, sends_plain_requests_to_the_tls_listener_and_no_others) {
  EXPECT_EQ(run({.to_https = true}), Verdict::replied);
  EXPECT_EQ(location(), "https://a.test/p?q=1");
  EXPECT_EQ(run({.to_https = true, .https_port = 8443}, "[::1]"), Verdict::replied);
  EXPECT_EQ(location(), "https://[::1]:8443/p?q=1");
  client_.tls = true;
  EXPECT_EQ(run({.to_https = true}), Verdict::proceed);
  EXPECT_EQ(run({}), Verdict::proceed);
}

TEST_F(Redirect, answers_400_when_there_is_no_host_to_send_the_client_to) {
  EXPECT_EQ(run({.to_https = true}, ""), Verdict::replied);
  EXPECT_EQ(reply_.status, 400);
  EXPECT_EQ(location(), "");
}

TEST_F(Redirect, a_place_given_by_name_beats_to_https) {
  EXPECT_EQ(run({.redirect_to = "https://b.test", .to_https = true}), Verdict::replied);
  EXPECT_EQ(location(), "https://b.test/p?q=1");
}

}  // namespace
}  // namespace aralez
