#include "codec/h2/client_codec.h"

#include <gtest/gtest.h>

#include "support/h2_frames.h"
#include "support/memory_transport.h"
#include "support/stream_recorder.h"

namespace aralez::testing {
namespace {

using namespace aralez::testing::h2;

/// A client codec over memory; the test is the upstream.
class H2Upstream : public ::testing::Test, public aralez::h2::ClientEvents {
 protected:
  H2Upstream() { transport_.attach(*codec_); }
  ~H2Upstream() override { loop_.finish_turn(); }

  void turn() {
    for (int i = 0; i < 4; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
  }
  void greet(std::initializer_list<Setting> settings = {}) {
    codec_->start();
    says(h2::settings(settings));
  }
  void says(const std::string& bytes) {
    transport_.peer_sends(bytes);
    turn();
  }
  void pass(Millis time) {
    loop_.set_now(loop_.now() + time);
    turn();
  }
  void get(Recorder& r, std::string_view path = "/") {
    r.attach(codec_->open_stream(r));
    Head head{.method = Method::get};
    head.method_text = "GET";
    head.target = path;
    head.fields.add(arena_, {"Host", "a.test", FieldId::host});
    r.send_head(head, End::yes);
    turn();
  }
  const FrameReader& read() {
    const std::string_view sent = transport_.sent();
    if (sent.size() > kPreface.size()) frames_.read(sent.substr(kPreface.size()));
    return frames_;
  }

  void on_ready() override { ++ready_; }
  void on_idle() override { ++idle_; }
  void on_draining() override { ++draining_; }
  void on_closed(Error why) override {
    closed_ = why.code;
    loop_.retire(std::move(holder_));
  }

  struct Holder final : Retired {
    Holder(Transport& t, aralez::h2::ClientEvents& owner, Shared& shared)
        : codec(t, owner, shared, aralez::h2::ClientCodec::Scheme::https) {}
    aralez::h2::ClientCodec codec;
  };
  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  Arena arena_{loop_.blocks()};
  Shared shared_{loop_};
  MemoryTransport transport_{loop_};
  FrameReader frames_;
  std::unique_ptr<Holder> holder_ = std::make_unique<Holder>(transport_, *this, shared_);
  aralez::h2::ClientCodec* codec_ = &holder_->codec;
  int ready_ = 0;
  int idle_ = 0;
  int draining_ = 0;
  std::optional<Errc> closed_;
};

TEST_F(H2Upstream, is_ready_when_the_settings_of_the_peer_are_here) {
  codec_->start();
  turn();
  EXPECT_EQ(ready_, 0);
  EXPECT_FALSE(codec_->has_room());
  says(settings());
  EXPECT_EQ(ready_, 1);
  EXPECT_TRUE(codec_->has_room());
}

TEST_F(H2Upstream, tells_a_peer_of_another_protocol_from_a_broken_one) {
  codec_->start();
  says("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(ready_, 0);
  EXPECT_EQ(closed_, Errc::mismatch);
}

TEST_F(H2Upstream, opens_no_more_streams_than_the_peer_allows) {
  greet({{SettingId::max_concurrent_streams, 2}});
  Recorder a, b;
  get(a);
  EXPECT_TRUE(codec_->has_room());
  get(b);
  EXPECT_FALSE(codec_->has_room());
  says(headers(1, {{":status", "204"}}, flag::kEndStream));
  EXPECT_TRUE(a.ended());
  a.detach();
  EXPECT_TRUE(codec_->has_room());
  b.detach();
}

TEST_F(H2Upstream, goaway_refuses_what_was_not_looked_at_and_lets_the_rest_finish) {
  greet();
  Recorder a, b;
  get(a);
  get(b);
  says(frame(FrameType::goaway, 0, 0, u32(1) + u32(0)));
  EXPECT_EQ(draining_, 1);
  EXPECT_FALSE(codec_->has_room());
  EXPECT_FALSE(a.was_reset());
  EXPECT_EQ(b.reset_code(), ResetCode::refused);
  EXPECT_FALSE(closed_);
  a.grant(100);
  says(headers(1, {{":status", "200"}}) + data(1, "ok", flag::kEndStream));
  EXPECT_EQ(a.body(), "ok");
  a.detach();
  EXPECT_EQ(closed_, Errc::eof);
}

TEST_F(H2Upstream, tells_what_the_peer_takes_by_http1_only) {
  greet();
  Recorder a, b, c;
  get(a);
  get(b);
  get(c);
  says(rst_stream(1, ErrorCode::http_1_1_required));
  EXPECT_EQ(a.reset_code(), ResetCode::http1_required);
  EXPECT_TRUE(codec_->has_room()) << "the connection goes on";
  says(frame(FrameType::goaway, 0, 0, u32(3) + u32(13)));
  EXPECT_FALSE(b.was_reset());
  EXPECT_EQ(c.reset_code(), ResetCode::http1_required);
  b.detach();
}

TEST_F(H2Upstream, refused_streams_and_others_are_told_apart) {
  greet();
  Recorder a, b;
  get(a);
  get(b);
  says(rst_stream(1, ErrorCode::refused_stream) + rst_stream(3, ErrorCode::internal_error));
  EXPECT_EQ(a.reset_code(), ResetCode::refused);
  EXPECT_EQ(b.reset_code(), ResetCode::internal);
  EXPECT_TRUE(codec_->has_room()) << "the connection goes on";
  EXPECT_EQ(idle_, 1);
}

TEST_F(H2Upstream, a_whole_answer_counts_although_the_request_is_refused_behind_it) {
  greet();
  Recorder r;
  r.attach(codec_->open_stream(r));
  Head head{.method = Method::post};
  head.method_text = "POST";
  head.target = "/";
  head.length = BodyLength::of(100'000);
  r.send_head(head, End::no);
  r.send_body(loop_.blocks(), std::string(10, 'x'), End::no);
  turn();
  says(headers(1, {{":status", "413"}}) + data(1, "too large", flag::kEndStream) +
       rst_stream(1, ErrorCode::no_error));
  r.grant(100);
  turn();
  EXPECT_FALSE(r.was_reset());
  EXPECT_EQ(r.body(), "too large");
  EXPECT_TRUE(r.ended());
  r.detach();
}

TEST_F(H2Upstream, asks_once_whether_the_peer_is_there_and_ends_when_it_is_not) {
  greet();
  Recorder r;
  get(r);
  pass(Millis(10'100));
  EXPECT_EQ(read().of(FrameType::ping).size(), 1U);
  says(frame(FrameType::ping, flag::kAck, 0, "stillup?"));
  pass(Millis(60'000));
  EXPECT_EQ(read().of(FrameType::ping).size(), 1U) << "more would be an attack to some servers";
  EXPECT_FALSE(r.was_reset());
  r.detach();
  Recorder other;
  get(other);
  pass(Millis(10'100));
  pass(Millis(10'100));
  EXPECT_EQ(other.reset_code(), ResetCode::timeout);
  EXPECT_EQ(closed_, Errc::timeout);
}

TEST_F(H2Upstream, a_stream_that_was_never_announced_is_not_reset) {
  greet();
  Recorder r;
  r.attach(codec_->open_stream(r));
  r.detach();
  turn();
  EXPECT_EQ(read().of(FrameType::rst_stream).size(), 0U);
  Recorder next;
  get(next);
  says(headers(3, {{":status", "204"}}, flag::kEndStream));
  EXPECT_TRUE(next.ended());
  next.detach();
}

}  // namespace
}  // namespace aralez::testing
