#include "io/socket_fixture_test.h"
#include "support/file_bytes.h"

namespace aralez {
namespace {

using testing::FileBytes;

TEST_F(SocketTest, delivers_what_comes_once_it_is_asked_to) {
  pair();
  peer_sends("early");
  settle();
  EXPECT_EQ(ear_.received, "");
  socket_.start_recv();
  ASSERT_TRUE(until([&] { return ear_.received == "early"; }));
  peer_sends(" late");
  ASSERT_TRUE(until([&] { return ear_.received == "early late"; }));
}

TEST_F(SocketTest, leaves_bytes_in_the_kernel_while_nobody_wants_them) {
  pair();
  ear_.when_received = [&] { socket_.stop_recv(); };
  socket_.start_recv();
  const std::string text = pattern(300'000);
  std::string_view rest = text;
  while (true) {  // until the pipe between the two is full
    const ssize_t n = ::send(peer_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
    settle();
    if (rest.empty()) break;
  }
  const std::size_t first = ear_.received.size();
  settle();
  EXPECT_EQ(ear_.received.size(), first) << "stopped is stopped";
  EXPECT_LE(first, BlockPool::kBlockSize);
  ear_.when_received = nullptr;
  socket_.start_recv();
  peer_sends(rest);
  ASSERT_TRUE(until([&] { return ear_.received.size() == text.size(); }));
  EXPECT_EQ(ear_.received, text);
}

TEST_F(SocketTest, reads_megabytes_in_order) {
  pair();
  socket_.start_recv();
  const std::string text = pattern(4'000'000);
  peer_sends(text);
  ASSERT_TRUE(until([&] { return ear_.received.size() >= text.size(); }));
  EXPECT_TRUE(ear_.received == text);
}

TEST_F(SocketTest, sends_everything_that_was_queued_in_one_event_together_and_in_order) {
  pair();
  socket_.queue_copy("head ");
  socket_.queue(piece("small "));
  socket_.queue(piece(std::string(5000, 'L')));
  socket_.queue_copy(" tail");
  EXPECT_EQ(socket_.output_bytes(), 5016U);
  EXPECT_EQ(peer_reads(), "") << "it leaves when the event has been handled";
  reactor_.run_deferred();
  EXPECT_EQ(peer_reads(), "head small " + std::string(5000, 'L') + " tail");
  EXPECT_EQ(ear_.credit, 5006U) << "pieces carry credit, copies none";
  EXPECT_TRUE(ear_.drained);
  EXPECT_EQ(socket_.output_bytes(), 0U);
}

TEST_F(SocketTest, sends_ranges_of_files_and_pipes_between_memory) {
  pair();
  SplicePipe* pipe = reactor_.pipes().take();
  ASSERT_NE(pipe, nullptr);
  const KernelRef pipe_ref(pipe);
  ASSERT_EQ(::write(pipe->write_fd(), "from the pipe", 13), 13);
  pipe->filled(13);
  socket_.queue_copy("a ");
  socket_.queue(Piece::file(KernelRef(new FileBytes("0123456789")), 3, 4));
  socket_.queue(piece(" b "));
  socket_.queue(Piece::pipe(pipe_ref, 13));
  socket_.queue_copy(" c");
  ASSERT_TRUE(until([&] { return ear_.drained; }));
  EXPECT_EQ(peer_reads(), "a 3456 b from the pipe c");
  EXPECT_EQ(ear_.credit, 4U + 3U + 13U);
  EXPECT_EQ(pipe->level(), 0U);
}

TEST_F(SocketTest, a_file_that_became_shorter_breaks_the_connection) {
  pair();
  socket_.queue(Piece::file(KernelRef(new FileBytes("short")), 0, 100));
  ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
  EXPECT_EQ(peer_reads(), "short");
}

TEST_F(SocketTest, last_words_leave_when_nothing_is_queued_before_them) {
  pair();
  socket_.close_saying(as_bytes("bye"));
  EXPECT_FALSE(socket_.open());
  EXPECT_EQ(peer_reads(), "bye");
}

TEST_F(SocketTest, last_words_never_overtake_what_is_queued) {
  pair();
  socket_.queue_copy("dropped");
  socket_.close_saying(as_bytes("bye"));
  EXPECT_EQ(peer_reads(), "");
}

TEST_F(SocketTest, holds_back_output_that_the_peer_does_not_read_and_settles_every_byte_once) {
  pair();
  const std::string text = pattern(6'000'000);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = std::min<std::size_t>(1 + at % 40'000, text.size() - at);
    socket_.queue(piece(std::string_view(text).substr(at, n)));
    at += n;
  }
  settle();
  EXPECT_GT(socket_.output_bytes(), 0U);
  EXPECT_FALSE(ear_.drained);
  EXPECT_LT(ear_.credit, text.size());
  std::string got;
  ASSERT_TRUE(until([&] {
    got += peer_reads(50'000);
    return got.size() >= text.size();
  }));
  settle();
  EXPECT_TRUE(got == text);
  EXPECT_EQ(ear_.credit, text.size());
  EXPECT_TRUE(ear_.drained);
}

TEST_F(SocketTest, goes_on_sending_after_the_peer_has_ended_its_side) {
  pair();
  socket_.start_recv();
  peer_sends("last words");
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  ASSERT_TRUE(until([&] { return ear_.ended; }));
  EXPECT_EQ(ear_.received, "last words");
  socket_.queue_copy("answer");
  ASSERT_TRUE(until([&] { return ear_.drained; }));
  EXPECT_EQ(peer_reads(), "answer");
  EXPECT_EQ(ear_.breaks, 0);
}

TEST_F(SocketTest, ends_its_side_behind_what_is_queued_and_goes_on_receiving) {
  pair();
  socket_.start_recv();
  const std::string text = pattern(2'000'000);
  socket_.queue(piece(text));
  socket_.shutdown_write();
  std::string got;
  ASSERT_TRUE(until([&] {
    got += peer_reads();
    return peer_saw_end_;
  }));
  EXPECT_TRUE(got == text);
  peer_sends("still there");
  ASSERT_TRUE(until([&] { return ear_.received == "still there"; }));
}

TEST_F(SocketTest, hears_of_a_peer_that_is_gone_once) {
  pair();
  socket_.start_recv();
  socket_.queue(piece(pattern(3'000'000)));
  settle();
  peer_.reset();
  ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
  settle();
  EXPECT_EQ(ear_.breaks, 1);
  EXPECT_EQ(ear_.why, Errc::reset);
  EXPECT_FALSE(socket_.open());
}

TEST_F(SocketTest, hears_of_a_reset_also_while_it_does_not_receive) {
  tcp();
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  peer_.reset();
  ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
  EXPECT_EQ(ear_.why, Errc::reset);
}

TEST_F(SocketTest, hears_of_a_reset_that_came_with_the_last_bytes_it_wanted) {
  tcp();
  ear_.when_received = [&] { socket_.stop_recv(); };
  socket_.start_recv();
  peer_sends("request");
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  peer_.reset();
  ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
  EXPECT_EQ(ear_.received, "request");
  EXPECT_EQ(ear_.why, Errc::reset);
}

TEST_F(SocketTest, keeps_what_came_before_a_reset_for_later) {
  tcp();
  peer_sends("last words");
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  peer_.reset();
  settle();
  EXPECT_EQ(ear_.breaks, 0);
  socket_.start_recv();
  ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
  EXPECT_EQ(ear_.received, "last words");
}

TEST_F(SocketTest, keeps_the_last_bytes_for_later_when_both_sides_have_ended) {
  tcp();
  peer_sends("last words");
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  socket_.shutdown_write();
  ASSERT_TRUE(until([&] {
    (void)peer_reads();
    return peer_saw_end_;
  }));
  settle();
  EXPECT_EQ(ear_.breaks, 0);
  EXPECT_TRUE(socket_.open());
  socket_.start_recv();
  ASSERT_TRUE(until([&] { return ear_.ended || ear_.breaks > 0; }));
  EXPECT_EQ(ear_.received, "last words");
  EXPECT_EQ(ear_.breaks, 0);
}

TEST_F(SocketTest, is_silent_after_close_even_from_within_an_event) {
  pair();
  ear_.when_received = [&] { socket_.close(Transport::CloseMode::normal); };
  socket_.start_recv();
  socket_.queue(piece("never leaves"));
  socket_.close(Transport::CloseMode::normal);
  settle();
  EXPECT_EQ(ear_.credit, 0U);
  EXPECT_EQ(peer_reads(), "");
  EXPECT_TRUE(peer_saw_end_);

  pair();
  peer_sends(pattern(100'000));
  settle();
  EXPECT_FALSE(socket_.open());
  EXPECT_LE(ear_.received.size(), BlockPool::kBlockSize);
  EXPECT_EQ(ear_.breaks, 0);
  EXPECT_FALSE(ear_.ended);
}

TEST_F(SocketTest, aborts_with_a_reset) {
  tcp();
  socket_.close(Transport::CloseMode::abort);
  ASSERT_TRUE(until([&] {
    (void)peer_reads();
    return peer_saw_end_ || peer_errno_ == ECONNRESET;
  }));
  EXPECT_EQ(peer_errno_, ECONNRESET);
}

TEST_F(SocketTest, connects_and_then_sends_what_was_queued_meanwhile) {
  listen();
  ASSERT_TRUE(socket_.connect(address_));
  socket_.start_recv();
  socket_.queue_copy("hello");
  ASSERT_TRUE(until([&] { return ear_.connected && ear_.drained; }));
  peer_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ASSERT_TRUE(peer_);
  EXPECT_EQ(peer_reads(), "hello");
  peer_sends("back");
  ASSERT_TRUE(until([&] { return ear_.received == "back"; }));
}

TEST_F(SocketTest, tells_a_refused_connect_from_other_errors) {
  bind_only();  // nobody listens, and nobody else can take the port
  if (const auto started = socket_.connect(address_)) {
    ASSERT_TRUE(until([&] { return ear_.breaks > 0; }));
    EXPECT_EQ(ear_.why, Errc::refused);
  } else {
    EXPECT_EQ(started.error().code, Errc::refused);
  }
  EXPECT_FALSE(ear_.connected);
}

TEST_F(SocketTest, leaves_the_end_of_the_turn_to_output_of_a_group) {
  DeferredGroup group;
  Ear ear;
  Socket socket(reactor_, ear, &group);
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  peer_ = UniqueFd(fds[1]);
  ASSERT_TRUE(socket.adopt(UniqueFd(fds[0])));
  socket.queue_copy("x");
  reactor_.run_deferred();
  EXPECT_EQ(peer_reads(), "");
  reactor_.finish_turn();
  EXPECT_EQ(peer_reads(), "x");
}

}  // namespace
}  // namespace aralez
