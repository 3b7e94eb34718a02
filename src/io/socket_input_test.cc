#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/socket.h"

namespace aralez {
namespace {

/// Keeps what comes, and on request takes it with splice.
class Receiver final : public TransportEvents {
 public:
  ReadBuffer in;
  std::size_t spliced = 0;
  bool ended = false;

  void on_connected() override {}
  ReadBuffer& recv_buffer() override { return in; }
  void on_received() override {}
  void on_spliced(std::size_t n) override { spliced += n; }
  void on_recv_end() override { ended = true; }
  void on_sent(std::uint64_t, bool) override {}
  void on_broken(Error) override { ended = true; }
};

class SocketInput : public ::testing::Test {
 protected:
  SocketInput() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    peer = UniqueFd(pair[1]);
    EXPECT_TRUE(socket.adopt(UniqueFd(pair[0])));
    socket.start_recv();
  }

  void peer_sends(std::string_view bytes) {
    ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  /// The peer's bytes are with the kernel before the turn, so none has to wait.
  void turn() { reactor.turn(Millis{0}); }

  Reactor reactor;
  Receiver receiver;
  Socket socket{reactor, receiver};
  UniqueFd peer;
};

TEST_F(SocketInput, nothing_waits_when_all_was_received) {
  peer_sends("all of it");
  turn();
  EXPECT_EQ(receiver.in.text(), "all of it");
  EXPECT_FALSE(socket.input_waiting());
}

TEST_F(SocketInput, bytes_behind_a_spliced_body_wait) {
  SplicePipe* pipe = reactor.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef owner(pipe);
  socket.splice_into(pipe, 4);
  peer_sends("body and more");
  turn();
  ASSERT_EQ(receiver.spliced, 4U);
  EXPECT_TRUE(socket.input_waiting());
}

TEST_F(SocketInput, nothing_waits_behind_a_spliced_body_that_was_all) {
  SplicePipe* pipe = reactor.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef owner(pipe);
  socket.splice_into(pipe, 4);
  peer_sends("body");
  turn();
  ASSERT_EQ(receiver.spliced, 4U);
  EXPECT_FALSE(socket.input_waiting());
}

TEST_F(SocketInput, the_end_waits_behind_a_spliced_body) {
  SplicePipe* pipe = reactor.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef owner(pipe);
  socket.splice_into(pipe, 4);
  peer_sends("body");
  peer.reset();
  turn();
  ASSERT_EQ(receiver.spliced, 4U);
  EXPECT_FALSE(receiver.ended);
  EXPECT_TRUE(socket.input_waiting());
}

}  // namespace
}  // namespace aralez
