#include "codec/h1/server_codec.h"
#include "support/http1_text.h"
#include "support/memory_transport.h"
#include "support/stream_laws.h"

namespace aralez::testing {
namespace {

/// What becomes of an answer that is queued when its exchange is over. The owner answers at once
/// and lets go, as an exchange does.
class ServerOutput : public ::testing::Test, private h1::ServerEvents, private StreamEvents {
 protected:
  ServerOutput() {
    transport_.attach(codec_);
    codec_.start();
    transport_.peer_takes(0);
  }
  void turn() {
    transport_.turn();
    loop_.run_deferred();
    loop_.finish_turn();
  }
  void ask(std::string_view fields) {
    transport_.peer_sends("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    for (int i = 0; i < 4; ++i) turn();
  }
  /// The client reads `n` bytes every second.
  void read_for(int seconds, std::size_t n) {
    for (int i = 0; i < seconds && !transport_.closed(); ++i) {
      loop_.set_now(loop_.now() + std::chrono::seconds{1});
      transport_.peer_takes(n);
      turn();
    }
  }
  [[nodiscard]] Http1Message answer() const {
    return read_http1(transport_.sent(), Http1Rest::until_end, transport_.closed().has_value());
  }

  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  bool closed_ = false;
  int requests_ = 0;
  std::size_t refusals_ = 0;
  const std::string body_ = pattern(40'000);
  Limits limits_;
  h1::HeadScratch scratch_;
  h1::ServerCodec codec_{transport_, *this, scratch_, limits_};

 private:
  StreamEvents& on_stream(Stream& stream) override {
    stream_ = &stream;
    return *this;
  }
  void on_refused(const h1::HeadError&, Head*) override { ++refusals_; }
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

}  // namespace
}  // namespace aralez::testing
