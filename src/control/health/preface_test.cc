#include "control/health/preface.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string_view>

namespace aralez {
namespace {

using namespace std::string_view_literals;
using Kind = ProbeOutcome::Kind;

/// A server of one connection: takes the preface, says `answer` and closes.
class Prefaces : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto any = SocketAddress::from_ip("127.0.0.1", 0).value();
    ASSERT_EQ(::bind(listener_.get(), any.raw(), any.length()), 0);
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    ASSERT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&raw), &length), 0);
    address_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
  }
  static void wait(const Preface& preface) {
    pollfd ready{.fd = preface.fd(), .events = preface.events(), .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 20'000), 1);
  }
  ProbeOutcome greet(std::string_view answer) {
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    Preface preface(address_);
    const UniqueFd server(::accept(listener_.get(), nullptr, nullptr));
    wait(preface);
    EXPECT_FALSE(preface.advance());
    char got[64] = {};
    EXPECT_EQ(::recv(server.get(), got, sizeof got, 0), 33);
    EXPECT_EQ(std::string_view(got, 24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    EXPECT_EQ(std::string_view(got + 24, 9), "\0\0\0\x04\0\0\0\0\0"sv);
    for (const char c : answer) {
      EXPECT_EQ(::send(server.get(), &c, 1, MSG_NOSIGNAL), 1);
      if (auto outcome = preface.advance()) return *outcome;
    }
    ::shutdown(server.get(), SHUT_WR);
    for (int i = 0; i < 100; ++i) {
      wait(preface);
      if (auto outcome = preface.advance()) return *outcome;
    }
    return {};
  }

  UniqueFd listener_;
  SocketAddress address_;
};

TEST_F(Prefaces, settings_are_an_answer) {
  EXPECT_EQ(greet("\0\0\0\x04\0\0\0\0\0"sv).kind, Kind::answered);
  EXPECT_EQ(greet("\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"sv).kind, Kind::answered);
}

TEST_F(Prefaces, anything_else_is_none) {
  for (const std::string_view other :
       {""sv, "\0\0\0\x04\0\0\0\0"sv, "HTTP/1.1 400 Bad Request\r\n\r\n"sv, "SSH-2.0-OpenSSH\r\n"sv,
        "\0\0\0\x04\x01\0\0\0\0"sv,         // an acknowledgement of ours alone
        "\0\0\0\x04\0\0\0\0\x01"sv,         // on a stream
        "\0\0\x05\x04\0\0\0\0\0"sv,         // of a length that settings cannot have
        "\0\0\x08\x07\0\0\0\0\0\0\0\0"sv})  // GOAWAY
    EXPECT_EQ(greet(other).kind, Kind::no_answer) << other;
}

TEST_F(Prefaces, refused_is_unreachable) {
  Preface preface(address_);  // bound, and nobody listens
  std::optional<ProbeOutcome> outcome = preface.advance();
  if (!outcome) {
    wait(preface);
    outcome = preface.advance();
  }
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind, Kind::unreachable);
  EXPECT_EQ(outcome->error, "Connection refused");
}

}  // namespace
}  // namespace aralez
