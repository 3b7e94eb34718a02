#include "codec/h1/first_line.h"

#include "codec/h1/server_codec_fixture_test.h"

namespace aralez::testing {
namespace {

TEST(ShowsHttp, a_standard_method_does) {
  for (const auto* text : {"GET", "GET /", "GET /\r\n", "GET: / x", "GET\t/", "DELETE / HTPT/1.1"})
    EXPECT_TRUE(h1::shows_http(text)) << text;
}

TEST(ShowsHttp, a_word_that_begins_with_http_does) {
  for (const auto* text : {"G\"T / HTTP/1.1", " / HTTP/1.1", "PRI * HTTP/2.1", "HTTP/1.1 200 OK",
                           "x http://a.test/", "a b Http"})
    EXPECT_TRUE(h1::shows_http(text)) << text;
}

TEST(ShowsHttp, nothing_else_does) {
  for (const auto* text : {"", "\r\n", "INVALID CONNECTION PREFACE\r\n\r\n", "get /", "GETS / x",
                           "EHLO a\r\nGET / HTTP/1.1\r\n", "BREW /HTTP/1.1", "x HTT", "xHTTP"})
    EXPECT_FALSE(h1::shows_http(text)) << text;
}

class FirstLine : public ServerCodecTest {
 protected:
  std::vector<Reason> reasons_;
  int ended_ = 0;

 private:
  void on_refused(const h1::HeadError& error, Head*) override { reasons_.push_back(error.reason); }
  void on_closed() override { ++ended_; }
};

TEST_F(FirstLine, without_http_ends_the_connection_without_an_answer) {
  send("INVALID CONNECTION PREFACE\r\n\r\n");
  EXPECT_EQ(transport_.sent(), "");
  EXPECT_TRUE(transport_.closed());
  EXPECT_EQ(reasons_, std::vector{Reason::not_http});
  EXPECT_EQ(ended_, 1);
}

TEST_F(FirstLine, that_drips_in_ends_it_when_it_can_be_told) {
  for (const char c : std::string_view("EHLO a\r\n\r\n")) send({&c, 1});
  EXPECT_EQ(transport_.sent(), "");
  EXPECT_EQ(reasons_, std::vector{Reason::not_http});
}

TEST_F(FirstLine, with_a_sign_of_http_is_answered) {
  send("GET /\r\n\r\n");
  EXPECT_TRUE(transport_.sent().starts_with("HTTP/1.1 400 ")) << transport_.sent();
  EXPECT_EQ(reasons_, std::vector{Reason::bad_target});
}

TEST_F(FirstLine, of_a_later_request_is_answered_whatever_it_is) {
  send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  owner_.send_head({.status = 204}, End::yes);
  owner_.detach();
  send("INVALID CONNECTION PREFACE\r\n\r\n");
  EXPECT_NE(transport_.sent().find("HTTP/1.1 400 "), std::string::npos) << transport_.sent();
}

}  // namespace
}  // namespace aralez::testing
