#include "codec/h1/server_codec_fixture_test.h"
#include "support/http1_text.h"
#include "support/stream_laws.h"

namespace aralez::testing {
namespace {

/// What becomes of an answer that is queued when its exchange is over. The owner answers at once
/// and lets go, as an exchange does.
class ServerOutput : public ServerCodecTest, private StreamEvents {
 protected:
  ServerOutput() { transport_.peer_takes(0); }
  [[nodiscard]] Http1Message answer() const {
    return read_http1(transport_.sent(), Http1Rest::until_end, transport_.closed().has_value());
  }

  bool closed_ = false;
  const std::string body_ = pattern(40'000);

 private:
  StreamEvents& on_stream(Stream& stream) override {
    stream_ = &stream;
    return *this;
  }
  void on_closed() override { closed_ = true; }

  void on_head(Head&&, End) override {
    ++requests_;
    stream_->send_head({.status = 200, .length = BodyLength::of(body_.size())}, End::no);
    Chain chain;
    BlockRef block = loop_.blocks().take_sized(body_.size());
    std::memcpy(block.bytes().data(), body_.data(), body_.size());
    chain.push_back(Piece(Slice(block, block.bytes().first(body_.size()))));
    stream_->send_body(std::move(chain), End::yes);
    stream_->detach();
  }
  void on_body(Chain&&, End) override {}
  void on_trailers(Fields&&) override {}
  void on_sent(std::size_t) override {}
  void on_reset(ResetCode) override {}

  Stream* stream_ = nullptr;
};

TEST_F(ServerOutput, a_client_that_ends_its_half_after_its_request_gets_the_whole_answer) {
  ask("");
  transport_.peer_ends();
  read_for(100, 1000);
  EXPECT_EQ(answer().body, body_);
  EXPECT_TRUE(answer().complete());
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(ServerOutput, requests_sent_before_the_client_ended_its_half_are_answered) {
  ask("");
  ask("");
  transport_.peer_ends();
  read_for(200, 1000);
  EXPECT_EQ(requests_, 2);
  const auto second = read_http1(std::string_view(transport_.sent()).substr(answer().bytes),
                                 Http1Rest::until_end, true);
  EXPECT_EQ(second.body, body_);
}

TEST_F(ServerOutput, the_last_answer_leaves_at_the_pace_of_the_client) {
  ask("Connection: close\r\n");
  read_for(39, 1000);
  EXPECT_FALSE(transport_.closed());
  read_for(10, 1000);
  EXPECT_EQ(answer().body, body_);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
  EXPECT_EQ(refusals_, 0U);
}

TEST_F(ServerOutput, a_kept_connection_stays_while_its_answer_is_leaving) {
  ask("");
  read_for(79, 510);  // longer than the idle time-out
  EXPECT_FALSE(transport_.closed());
  read_for(10, 510);
  EXPECT_EQ(answer().body, body_);
  EXPECT_FALSE(transport_.closed());
  read_for(60, 510);
  EXPECT_FALSE(transport_.closed()) << "idle since a minute only";
  read_for(20, 510);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(ServerOutput, a_client_that_stops_reading_is_reset_and_not_told_an_end) {
  ask("");
  read_for(5, 1000);
  read_for(100, 0);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
  EXPECT_EQ(refusals_, 1U);
}

TEST_F(ServerOutput, a_client_that_stops_reading_the_last_answer_is_reset) {
  ask("Connection: close\r\n");
  read_for(5, 1000);
  read_for(100, 0);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
  EXPECT_EQ(refusals_, 1U);
}

TEST_F(ServerOutput, a_drain_waits_for_an_answer_that_is_leaving) {
  ask("");
  read_for(5, 1000);
  codec_.drain();
  read_for(60, 1000);
  EXPECT_EQ(answer().body, body_);
  EXPECT_TRUE(closed_);
}

/// A connection that drains between two requests; everything that is sent leaves at once.
class ServerDrain : public ServerOutput {
 protected:
  ServerDrain() { transport_.peer_takes(1'000'000); }
  [[nodiscard]] std::size_t answers_that_say_close() const {
    std::size_t n = 0;
    for (auto at = transport_.sent().find("onnection: close"); at != std::string::npos;
         at = transport_.sent().find("onnection: close", at + 1))
      ++n;
    return n;
  }
};

TEST_F(ServerDrain, a_client_that_is_idle_gets_a_last_answer_that_says_so) {
  ask("");
  codec_.drain();
  pass(h1::ServerCodec::kDrainIdle / 2);
  EXPECT_FALSE(transport_.closed());
  EXPECT_EQ(answers_that_say_close(), 0U);
  ask("");
  EXPECT_EQ(requests_, 2);
  EXPECT_EQ(answers_that_say_close(), 1U);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(ServerDrain, a_client_that_asks_for_nothing_any_more_is_closed) {
  ask("");
  codec_.drain();
  pass(h1::ServerCodec::kDrainIdle / 2);
  codec_.drain();
  EXPECT_FALSE(transport_.closed());
  pass(h1::ServerCodec::kDrainIdle);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal) << "said twice is no more time";
}

TEST_F(ServerDrain, so_is_one_that_never_asked) {
  codec_.drain();
  pass(h1::ServerCodec::kDrainIdle * 2);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
  EXPECT_EQ(refusals_, 0U);
}

TEST_F(ServerDrain, a_request_that_waits_to_be_read_when_time_is_over_is_answered) {
  ask("");
  codec_.drain();
  transport_.peer_sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  pass(h1::ServerCodec::kDrainIdle * 2);
  EXPECT_FALSE(transport_.closed());
  for (int i = 0; i < 4; ++i) turn();
  EXPECT_EQ(requests_, 2);
  EXPECT_EQ(answers_that_say_close(), 1U);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(ServerDrain, the_same_without_a_drain_when_the_idle_time_is_over) {
  ask("");
  transport_.peer_sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  pass(limits_.client_idle_timeout * 2);
  for (int i = 0; i < 4; ++i) turn();
  EXPECT_EQ(requests_, 2);
  EXPECT_FALSE(transport_.closed());
}

TEST_F(ServerDrain, what_waits_but_is_no_request_is_not_waited_for_longer_than_a_head) {
  ask("");
  codec_.drain();
  transport_.peer_sends("GET /");
  pass(h1::ServerCodec::kDrainIdle * 2);
  turn();
  EXPECT_FALSE(transport_.closed());
  pass(limits_.client_head_timeout * 2);
  EXPECT_EQ(refusals_, 1U);
}

TEST_F(ServerDrain, an_answer_whose_head_was_sent_before_is_not_the_last) {
  transport_.peer_takes(100);
  ask("");
  codec_.drain();
  transport_.peer_takes(1'000'000);
  turn();
  EXPECT_FALSE(transport_.closed()) << "its client may have sent the next request already";
  ask("");
  EXPECT_EQ(requests_, 2);
  EXPECT_EQ(answers_that_say_close(), 1U);
}

TEST_F(ServerDrain, an_idle_client_is_cut_off_without_a_reset) {
  ask("");
  codec_.drain();
  codec_.cut_off();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

}  // namespace
}  // namespace aralez::testing
