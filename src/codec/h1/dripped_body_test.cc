#include <gtest/gtest.h>

#include "codec/h1/server_codec.h"
#include "support/memory_transport.h"

namespace aralez::testing {
namespace {

/// A request body that comes byte by byte, to an owner that has to keep it: an upstream may be slow
/// to take it, or it may have to be sent again.
class DrippedBody : public ::testing::Test, private h1::ServerEvents, private StreamEvents {
 protected:
  DrippedBody() {
    transport_.attach(codec_);
    codec_.start();
  }
  void turn() {
    transport_.turn();
    loop_.run_deferred();
    loop_.finish_turn();
  }
  void drip(std::string_view text) {
    for (const char c : text) {
      transport_.peer_sends({&c, 1});
      turn();
    }
  }

  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  Chain kept_;
  End end_ = End::no;
  Limits limits_;
  h1::HeadScratch scratch_;
  Stream* stream_ = nullptr;

 private:
  StreamEvents& on_stream(Stream& stream) override {
    stream_ = &stream;
    return *this;
  }
  void on_refused(const h1::HeadError&, Head*) override {}
  void on_closed() override {}

  void on_head(Head&&, End) override { stream_->grant(64 * 1024); }
  void on_body(Chain&& body, End end) override {
    kept_.append(std::move(body));
    end_ = end;
  }
  void on_trailers(Fields&&) override {}
  void on_sent(std::size_t) override {}
  void on_reset(ResetCode) override {}

 protected:
  h1::ServerCodec codec_{transport_, *this, scratch_, limits_};
};

TEST_F(DrippedBody, takes_no_more_blocks_than_its_bytes_need) {
  transport_.peer_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
  turn();
  drip(std::string(4999, 'b'));
  EXPECT_EQ(kept_.bytes(), 4999U);
  EXPECT_LE(loop_.blocks().outstanding(), 2U);
  EXPECT_EQ(kept_.count(), 1U);
  drip("b");
  EXPECT_EQ(end_, End::yes);
  kept_.clear();
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
}

TEST_F(DrippedBody, takes_no_more_blocks_in_chunks_either) {
  transport_.peer_sends("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  turn();
  for (int i = 0; i < 1000; ++i) drip("1\r\nb\r\n");
  EXPECT_EQ(kept_.bytes(), 1000U);
  EXPECT_LE(loop_.blocks().outstanding(), 2U);
  drip("0\r\n\r\n");
  EXPECT_EQ(end_, End::yes);
  kept_.clear();
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
}

/// What was passed on needs no block, however long the rest takes.
TEST_F(DrippedBody, holds_no_block_while_it_waits) {
  transport_.peer_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
  turn();
  drip("some of it");
  kept_.clear();
  stream_->grant(10);
  turn();
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
}

}  // namespace
}  // namespace aralez::testing
