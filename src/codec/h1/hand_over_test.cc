#include "codec/h1/server_codec_fixture_test.h"

namespace aralez::testing {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose owner has another codec for clients that begin with HTTP/2.
class HandOver : public ServerCodecTest {
 protected:
  std::string taken_over_;
  bool takes_over_ = true;

 private:
  bool on_http2(ReadBuffer& first) override {
    if (!takes_over_) return false;
    taken_over_ = first.text();
    first.clear();
    return true;
  }
};

TEST_F(HandOver, a_connection_that_begins_with_http2_is_handed_over_with_its_bytes) {
  send(std::string(kPreface) + "frames");
  EXPECT_EQ(taken_over_, std::string(kPreface) + "frames");
  EXPECT_EQ(transport_.sent(), "");
  EXPECT_FALSE(transport_.closed());
  loop_.set_now(loop_.now() + std::chrono::hours{1});
  send("");
  EXPECT_FALSE(transport_.closed()) << "a time-out of the codec that has nothing to say any more";
}

TEST_F(HandOver, a_preface_that_drips_in_is_handed_over_when_it_can_be_told) {
  for (const char c : kPreface.substr(0, 18)) send({&c, 1});
  EXPECT_EQ(taken_over_, kPreface.substr(0, 18));
}

TEST_F(HandOver, an_owner_without_http2_answers_505) {
  takes_over_ = false;
  send(kPreface);
  EXPECT_TRUE(transport_.sent().starts_with("HTTP/1.1 505 ")) << transport_.sent();
}

TEST_F(HandOver, http2_behind_a_request_is_no_beginning) {
  send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  owner_.send_head({.status = 204}, End::yes);
  owner_.detach();
  send(kPreface);
  EXPECT_EQ(taken_over_, "");
  EXPECT_NE(transport_.sent().find("HTTP/1.1 505 "), std::string::npos);
}

}  // namespace
}  // namespace aralez::testing
