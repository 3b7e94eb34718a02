#include "codec/h1/server_codec_fixture_test.h"

namespace aralez::testing {
namespace {

/// Clients that end their side and still read.
class HalfClosed : public ServerCodecTest {
 protected:
  /// The request is answered while its body is still to come.
  void refuse_early() {
    send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    answer(403);
    settle();
  }
};

TEST_F(HalfClosed, a_request_behind_a_body_that_nobody_wanted_is_answered) {
  refuse_early();
  transport_.tell_at_once();
  transport_.peer_sends("hello" + std::string(kRequest));
  transport_.peer_ends();
  settle();
  EXPECT_EQ(requests_, 2);
  EXPECT_FALSE(transport_.closed());
  answer();
  settle();
  EXPECT_NE(transport_.sent().find("HTTP/1.1 200 OK"), std::string::npos) << transport_.sent();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

TEST_F(HalfClosed, all_requests_that_came_before_are_answered) {
  transport_.peer_sends(std::string(kRequest) + std::string(kRequest) + std::string(kRequest));
  transport_.peer_ends();
  for (int i = 1; i <= 3; ++i) {
    settle();
    ASSERT_EQ(requests_, i);
    answer();
  }
  settle();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

class HalfRequest : public HalfClosed, public ::testing::WithParamInterface<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Of, HalfRequest,
                         ::testing::Values("G", "GET / HTTP/1.1\r\nHost:", "\r\n", "\r"));

TEST_P(HalfRequest, is_none_and_is_not_waited_for) {
  transport_.peer_sends(GetParam());
  transport_.peer_ends();
  settle();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
  EXPECT_EQ(refused_, 0);
  EXPECT_EQ(requests_, 0);
}

TEST_P(HalfRequest, that_came_some_time_before_the_end_is_none_either) {
  send(GetParam());
  EXPECT_FALSE(transport_.closed());
  transport_.peer_ends();
  settle();
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
  EXPECT_EQ(refused_, 0);
}

TEST_F(HalfClosed, half_a_request_behind_an_answered_one_ends_the_connection) {
  refuse_early();
  transport_.tell_at_once();
  transport_.peer_sends("helloGET / HTTP/1.1\r\n");
  transport_.peer_ends();
  settle();
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::normal);
}

}  // namespace
}  // namespace aralez::testing
