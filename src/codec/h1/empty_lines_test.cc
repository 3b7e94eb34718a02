#include "codec/h1/server_codec.h"
#include "support/memory_transport.h"
#include "support/stream_recorder.h"

namespace aralez::testing {
namespace {

/// Empty lines where a request is to come.
class EmptyLines : public ::testing::Test, private h1::ServerEvents {
 protected:
  EmptyLines() {
    transport_.attach(codec_);
    codec_.start();
  }
  void send(std::string_view bytes, std::size_t at_once = std::string_view::npos) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
      transport_.peer_sends(bytes.substr(0, at_once));
      for (int i = 0; i < 4; ++i) {
        transport_.turn();
        loop_.run_deferred();
        loop_.finish_turn();
      }
    }
  }
  void pass(Millis time) {
    loop_.set_now(loop_.now() + time);
    loop_.timers().advance(loop_.now());
  }

  static constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  Limits limits_;
  h1::HeadScratch scratch_;
  h1::ServerCodec codec_{transport_, *this, scratch_, limits_};
  Recorder owner_;
  int requests_ = 0;
  int refused_ = 0;  ///< status

 private:
  StreamEvents& on_stream(Stream& stream) override {
    ++requests_;
    owner_.attach(stream);
    return owner_;
  }
  void on_refused(const h1::HeadError& error, Head*) override { refused_ = error.status; }
  void on_closed() override {}
};

TEST_F(EmptyLines, are_skipped_before_every_request_however_they_come) {
  int sent = 0;
  for (const std::string_view lines : {"\r\n", "\r\n\r\n"}) {
    for (const std::size_t at_once : {std::size_t{1}, std::size_t{3}, std::string_view::npos}) {
      owner_ = Recorder();
      send(std::string(lines) + std::string(kRequest), at_once);
      ASSERT_EQ(requests_, ++sent) << at_once;
      owner_.send_head({.status = 200, .length = BodyLength::of(0)}, End::yes);
      owner_.detach();
    }
  }
  EXPECT_EQ(refused_, 0);
}

TEST_F(EmptyLines, beyond_two_are_no_request) {
  send("\r\n\r\n\r\n" + std::string(kRequest));
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(refused_, 400);
}

TEST_F(EmptyLines, alone_hold_no_block_and_do_not_keep_a_connection) {
  send("\r\n\r\n");
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
  EXPECT_FALSE(transport_.closed());
  pass(limits_.client_idle_timeout * 2);
  EXPECT_TRUE(transport_.closed());
}

TEST_F(EmptyLines, half_of_one_is_not_waited_for_longer_than_a_head) {
  send("\r");
  EXPECT_FALSE(transport_.closed());
  pass(limits_.client_head_timeout * 2);
  EXPECT_EQ(refused_, 408);
}

}  // namespace
}  // namespace aralez::testing
