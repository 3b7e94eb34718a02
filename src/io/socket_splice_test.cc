#include "io/socket_fixture_test.h"

namespace aralez {
namespace {

class SocketSplice : public SocketTest {
 protected:
  /// A body of that length is to be spliced.
  void four_bytes() {
    pair();
    socket_.start_recv();
    SplicePipe* pipe = reactor_.pipes().take();
    ASSERT_NE(pipe, nullptr);
    pipe_ = KernelRef(pipe);
    socket_.splice_into(pipe, 4);
  }

  KernelRef pipe_;
};

TEST_F(SocketTest, splices_no_more_than_the_limit_and_then_stops) {
  pair();
  SplicePipe* pipe = reactor_.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef ref(pipe);
  socket_.splice_into(pipe, 10);
  socket_.start_recv();
  peer_sends("0123456789behind");
  ASSERT_TRUE(until([&] { return ear_.spliced == 10; }));
  settle();
  EXPECT_EQ(pipe->level(), 10U);
  EXPECT_EQ(ear_.received, "");
  socket_.splice_into(nullptr, 0);
  socket_.start_recv();
  ASSERT_TRUE(until([&] { return ear_.received == "behind"; }));
  std::array<char, 10> bytes{};
  EXPECT_EQ(::read(pipe->fd(), bytes.data(), bytes.size()), 10);
  pipe->consumed(10);
}

TEST_F(SocketTest, goes_on_receiving_when_its_pipe_is_taken_away_in_an_event) {
  pair();
  SplicePipe* pipe = reactor_.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef ref(pipe);
  ear_.when_spliced = [&] { socket_.splice_into(nullptr, 0); };
  socket_.splice_into(pipe, 10);
  socket_.start_recv();
  peer_sends("0123456789behind");  // one edge for all of it: the kernel says nothing twice
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  settle();
  EXPECT_EQ(ear_.spliced, 10U);
  EXPECT_EQ(ear_.received, "behind");
  EXPECT_TRUE(ear_.ended);
  std::array<char, 10> bytes{};
  EXPECT_EQ(::read(pipe->fd(), bytes.data(), bytes.size()), 10);
  pipe->consumed(10);
}

TEST_F(SocketTest, nothing_waits_when_all_was_received) {
  pair();
  socket_.start_recv();
  peer_sends("all of it");
  settle();
  EXPECT_EQ(ear_.received, "all of it");
  EXPECT_FALSE(socket_.input_waiting());
}

TEST_F(SocketSplice, bytes_behind_a_spliced_body_wait) {
  four_bytes();
  peer_sends("body and more");
  settle();
  ASSERT_EQ(ear_.spliced, 4U);
  EXPECT_TRUE(socket_.input_waiting());
}

TEST_F(SocketSplice, nothing_waits_behind_a_spliced_body_that_was_all) {
  four_bytes();
  peer_sends("body");
  settle();
  ASSERT_EQ(ear_.spliced, 4U);
  EXPECT_FALSE(socket_.input_waiting());
}

TEST_F(SocketSplice, the_end_waits_behind_a_spliced_body) {
  four_bytes();
  peer_sends("body");
  peer_.reset();
  settle();
  ASSERT_EQ(ear_.spliced, 4U);
  EXPECT_FALSE(ear_.ended);
  EXPECT_TRUE(socket_.input_waiting());
}

}  // namespace
}  // namespace aralez
