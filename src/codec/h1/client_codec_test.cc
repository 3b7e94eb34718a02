#include "codec/h1/client_codec.h"

#include <gtest/gtest.h>

#include "support/memory_transport.h"

namespace aralez::testing {
namespace {

/// A pooled connection on which a request is made.
class ClientConnection : public ::testing::Test, private h1::ClientEvents, private StreamEvents {
 protected:
  ClientConnection() { transport_.attach(codec_); }
  void turn() {
    transport_.turn();
    loop_.run_deferred();
    loop_.finish_turn();
  }
  void ask() {
    Stream& stream = codec_.open_stream(*this);
    stream.send_head({.method = Method::get, .method_text = "GET", .target = "/"}, End::yes);
  }

  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  h1::HeadScratch scratch_;
  h1::ClientCodec codec_{transport_, *this, scratch_};
  std::optional<ResetCode> reset_;
  int heads_ = 0;
  bool closed_ = false;

 private:
  void on_connected() override {}
  void on_reusable() override {}
  void on_closed(Error) override { closed_ = true; }
  void on_head(Head&&, End) override { ++heads_; }
  void on_body(Chain&&, End) override {}
  void on_trailers(Fields&&) override {}
  void on_sent(std::size_t) override {}
  void on_reset(ResetCode code) override { reset_ = code; }
};

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_F(ClientConnection, takes_the_answer_to_what_it_sent) {
  ask();
  loop_.run_deferred();
  transport_.peer_sends(kAnswer);
  turn();
  EXPECT_EQ(heads_, 1);
  EXPECT_FALSE(reset_);
}

TEST_F(ClientConnection, takes_nothing_for_an_answer_that_came_before_the_request_left) {
  transport_.peer_takes(0);
  ask();
  transport_.peer_sends(kAnswer);
  turn();
  EXPECT_EQ(heads_, 0);
  EXPECT_EQ(reset_, ResetCode::refused) << "nothing was sent, so it may be asked elsewhere";
  EXPECT_TRUE(closed_);
}

TEST_F(ClientConnection, ends_when_an_upstream_speaks_unasked) {
  ask();
  loop_.run_deferred();
  transport_.peer_sends(kAnswer);
  turn();
  codec_.detach();
  transport_.peer_sends(kAnswer);
  turn();
  EXPECT_EQ(heads_, 1);
  EXPECT_TRUE(closed_);
}

}  // namespace
}  // namespace aralez::testing
