#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "io/socket.h"
#include "support/turn_until.h"

namespace aralez {

/// Writes down what it hears of a socket.
class Ear final : public TransportEvents {
 public:
  std::string received;
  std::uint64_t spliced = 0;
  std::uint64_t credit = 0;
  bool connected = false;
  bool ended = false;
  bool drained = false;
  int breaks = 0;
  Errc why{};
  std::function<void()> when_received;
  std::function<void()> when_spliced;

 private:
  void on_connected() override { connected = true; }
  ReadBuffer& recv_buffer() override { return in_; }
  void on_received() override {
    received += in_.text();
    in_.clear();
    if (when_received) when_received();
  }
  void on_spliced(std::size_t n) override {
    spliced += n;
    if (when_spliced) when_spliced();
  }
  void on_recv_end() override { ended = true; }
  void on_sent(std::uint64_t n, bool all) override {
    credit += n;
    drained = all;
  }
  void on_broken(Error e) override {
    ++breaks;
    why = e.code;
  }
  ReadBuffer in_;
};

class SocketTest : public ::testing::Test {
 protected:
  bool until(const std::function<bool()>& done) { return testing::turn_until(reactor_, done); }
  /// Turns until nothing more can come of what has happened so far.
  void settle() {
    for (int i = 0; i < 5; ++i) reactor_.turn(Millis(0));
  }

  void pair() {
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    peer_ = UniqueFd(fds[1]);
    ASSERT_TRUE(socket_.adopt(UniqueFd(fds[0])));
  }
  /// Over TCP: some things a socketpair does not do. The listener stays open.
  void tcp() {
    listen();
    ASSERT_TRUE(socket_.connect(address_));
    ASSERT_TRUE(until([&] { return ear_.connected || ear_.breaks > 0; }));
    ASSERT_EQ(ear_.breaks, 0);
    peer_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ASSERT_TRUE(peer_);
  }
  void bind_only() {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address_ = SocketAddress::from_ip("127.0.0.1", 0).value();
    ASSERT_EQ(::bind(listener_.get(), address_.raw(), address_.length()), 0);
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    ASSERT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&raw), &length), 0);
    address_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
  }
  void listen() {
    bind_only();
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
  }

  void peer_sends(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
      if (n < 0) {
        ASSERT_EQ(errno, EAGAIN);
        reactor_.turn(Millis(1));
      }
    }
  }
  /// What has arrived at the peer so far, at most `most` bytes; the end is noted.
  std::string peer_reads(std::size_t most = SIZE_MAX) {
    std::string out;
    std::array<char, 65536> piece;
    while (out.size() < most) {
      const ssize_t n =
          ::recv(peer_.get(), piece.data(), std::min(piece.size(), most - out.size()), 0);
      if (n == 0) peer_saw_end_ = true;
      if (n < 0) peer_errno_ = errno;
      if (n <= 0) break;
      out.append(piece.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  Piece piece(std::string_view text) {
    BlockRef block = reactor_.blocks().take_sized(text.size());
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(block.bytes().data()));
    const auto bytes = block.bytes().first(text.size());
    return Piece(Slice(std::move(block), bytes));
  }
  static std::string pattern(std::size_t n) {
    std::string out(n, 0);
    for (std::size_t i = 0; i < n; ++i)
      out[i] = static_cast<char>('a' + i * 7 % 23 + i / 65536 % 3);
    return out;
  }

  Reactor reactor_;
  Ear ear_;
  Socket socket_{reactor_, ear_};
  UniqueFd peer_;
  UniqueFd listener_;
  SocketAddress address_;
  bool peer_saw_end_ = false;
  int peer_errno_ = 0;
};

}  // namespace aralez
