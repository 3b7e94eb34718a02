#include "codec/h1/first_line.h"

#include <gtest/gtest.h>

#include "codec/h1/server_codec.h"
#include "support/memory_transport.h"
#include "support/stream_recorder.h"

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

class FirstLine : public ::testing::Test, private ServerEvents {
 protected:
  FirstLine() {
    transport_.attach(codec_);
    codec_.start();
  }
  void send(std::string_view bytes) {
    transport_.peer_sends(bytes);
    for (int i = 0; i < 4; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
  }

  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  Limits limits_;
  h1::HeadScratch scratch_;
  h1::ServerCodec codec_{transport_, *this, scratch_, limits_};
  Recorder recorder_;
  std::vector<Reason> refused_;
  int ended_ = 0;

 private:
  StreamEvents& on_stream(Stream& stream) override {
    recorder_.attach(stream);
    return recorder_;
  }
  void on_refused(const HeadError& error, Head*) override { refused_.push_back(error.reason); }
  void on_closed() override { ++ended_; }
};

TEST_F(FirstLine, without_http_ends_the_connection_without_an_answer) {
  send("INVALID CONNECTION PREFACE\r\n\r\n");
  EXPECT_EQ(transport_.sent(), "");
  EXPECT_TRUE(transport_.closed());
  EXPECT_EQ(refused_, std::vector{Reason::not_http});
  EXPECT_EQ(ended_, 1);
}

TEST_F(FirstLine, that_drips_in_ends_it_when_it_can_be_told) {
  for (const char c : std::string_view("EHLO a\r\n\r\n")) send({&c, 1});
  EXPECT_EQ(transport_.sent(), "");
  EXPECT_EQ(refused_, std::vector{Reason::not_http});
}

TEST_F(FirstLine, with_a_sign_of_http_is_answered) {
  send("GET /\r\n\r\n");
  EXPECT_TRUE(transport_.sent().starts_with("HTTP/1.1 400 ")) << transport_.sent();
  EXPECT_EQ(refused_, std::vector{Reason::bad_target});
}

TEST_F(FirstLine, of_a_later_request_is_answered_whatever_it_is) {
  send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  recorder_.send_head({.status = 204}, End::yes);
  recorder_.detach();
  send("INVALID CONNECTION PREFACE\r\n\r\n");
  EXPECT_NE(transport_.sent().find("HTTP/1.1 400 "), std::string::npos) << transport_.sent();
}

}  // namespace
}  // namespace aralez::testing
