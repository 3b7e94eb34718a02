#include "codec/h1/server_codec_fixture_test.h"

namespace aralez::testing {
namespace {

/// Empty lines where a request is to come.
class EmptyLines : public ServerCodecTest {};

TEST_F(EmptyLines, are_skipped_before_every_request_however_they_come) {
  int sent = 0;
  for (const std::string_view lines : {"\r\n", "\r\n\r\n"}) {
    for (const std::size_t at_once : {std::size_t{1}, std::size_t{3}, std::string_view::npos}) {
      send(std::string(lines) + std::string(kRequest), at_once);
      ASSERT_EQ(requests_, ++sent) << at_once;
      answer();
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
