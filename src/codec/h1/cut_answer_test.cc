#include "codec/h1/server_codec_fixture_test.h"
#include "support/http1_text.h"

namespace aralez::testing {
namespace {

/// An answer that breaks off: its client gets what there is of it, and never takes it for all.
class CutAnswer : public ServerCodecTest {
 protected:
  CutAnswer() { transport_.peer_takes(0); }
  /// Begins an answer, sends `body` of it and nothing more.
  void answer_in_part(BodyLength length, std::string_view body) {
    owner_.send_head({.status = 200, .length = length}, End::no);
    owner_.send_body(loop_.blocks(), body, End::no);
    owner_.reset();
  }
  [[nodiscard]] Http1Message answer() const {
    return read_http1(transport_.sent(), Http1Rest::until_end, transport_.ended());
  }
  const std::string pattern_ = std::string(40'000, 'b');
};

TEST_F(CutAnswer, of_a_known_length_is_sent_as_far_as_it_goes) {
  ask();
  answer_in_part(BodyLength::of(10), "ok");
  EXPECT_FALSE(transport_.closed()) << "nothing has left yet";
  transport_.peer_takes(10'000);
  settle();
  EXPECT_EQ(answer().body, "ok");
  EXPECT_FALSE(answer().complete());
  EXPECT_TRUE(transport_.ended());
  EXPECT_FALSE(transport_.closed()) << "the client may be sending";
  transport_.peer_ends();
  settle();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(CutAnswer, in_chunks_has_no_last_one) {
  ask();
  answer_in_part(BodyLength::until_end(), "ok");
  transport_.peer_takes(10'000);
  settle();
  EXPECT_TRUE(transport_.ended());
  EXPECT_EQ(answer().body, "ok");
  EXPECT_TRUE(transport_.sent().ends_with("\r\n2\r\nok\r\n"));
}

TEST_F(CutAnswer, is_reset_where_its_cut_would_look_like_its_end) {
  ask("", "1.0");
  answer_in_part(BodyLength::until_end(), "ok");
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
}

TEST_F(CutAnswer, is_reset_for_http10_whatever_its_length) {
  ask("Connection: keep-alive\r\n", "1.0");
  answer_in_part(BodyLength::of(10), "ok");
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
}

TEST_F(CutAnswer, is_reset_when_all_bytes_are_there_but_not_their_end) {
  ask();
  answer_in_part(BodyLength::of(2), "ok");
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
}

TEST_F(CutAnswer, leaves_at_the_pace_of_its_client) {
  ask();
  answer_in_part(BodyLength::of(100'000), pattern_);
  read_for(39, 1000);
  EXPECT_FALSE(transport_.ended());
  read_for(3, 1000);
  EXPECT_TRUE(transport_.ended());
  EXPECT_EQ(answer().body, pattern_);
  EXPECT_EQ(refusals_, 0U);
}

TEST_F(CutAnswer, is_reset_when_its_client_stops_reading) {
  ask();
  answer_in_part(BodyLength::of(100'000), pattern_);
  read_for(5, 1000);
  read_for(100, 0);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
  EXPECT_EQ(refusals_, 1U);
}

TEST_F(CutAnswer, does_not_wait_for_ever_for_a_client_that_stays) {
  ask();
  answer_in_part(BodyLength::of(10), "ok");
  read_for(1, 1000);
  EXPECT_FALSE(transport_.closed());
  read_for(3, 1000);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(CutAnswer, is_the_last_of_its_connection) {
  ask();
  answer_in_part(BodyLength::of(10), "ok");
  ask();
  transport_.peer_takes(10'000);
  settle();
  ask();
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(answer().body, "ok");
  transport_.peer_ends();
  settle();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

}  // namespace
}  // namespace aralez::testing
