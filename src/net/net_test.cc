#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>
#include <thread>

#include "net/client_table.h"
#include "net/listener.h"
#include "support/turn_until.h"

namespace aralez {
namespace {

SocketAddress ip(std::string_view text, std::uint16_t port = 1) {
  return SocketAddress::from_ip(text, port).value();
}

TEST(ClientTable, counts_an_address_whatever_its_port_and_refuses_above_the_limit) {
  ClientTable table(1);
  EXPECT_TRUE(table.enter(ip("192.0.2.1", 1000), 2));
  EXPECT_TRUE(table.enter(ip("192.0.2.1", 1001), 2));
  EXPECT_FALSE(table.enter(ip("192.0.2.1", 1002), 2));
  EXPECT_TRUE(table.enter(ip("192.0.2.2", 1000), 2));
  table.leave(ip("192.0.2.1", 1000));
  EXPECT_TRUE(table.enter(ip("192.0.2.1", 1003), 2)) << "what was refused was not counted";
  EXPECT_FALSE(table.enter(ip("192.0.2.1", 1004), 2));
}

TEST(ClientTable, takes_an_ipv6_network_of_64_bits_for_one_client) {
  ClientTable table(1);
  EXPECT_TRUE(table.enter(ip("2001:db8:0:1::1"), 1));
  EXPECT_FALSE(table.enter(ip("2001:db8:0:1:ffff::2"), 1));
  EXPECT_TRUE(table.enter(ip("2001:db8:0:2::1"), 1));
  EXPECT_FALSE(table.enter(ip("2001:db8:0:2:0:ffff:192.0.2.1"), 1)) << "is no mapped IPv4";
}

TEST(ClientTable, takes_ipv4_on_a_dual_stack_socket_for_the_same_client) {
  ClientTable table(1);
  EXPECT_TRUE(table.enter(ip("192.0.2.1"), 1));
  EXPECT_FALSE(table.enter(ip("::ffff:192.0.2.1"), 1));
  EXPECT_TRUE(table.enter(ip("::ffff:192.0.2.2"), 1));
}

TEST(ClientTable, has_no_limit_at_zero_and_forgives_a_leave_too_many) {
  ClientTable table(1);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(table.enter(ip("192.0.2.1"), 0));
  table.leave(ip("203.0.113.1"));
  EXPECT_TRUE(table.enter(ip("203.0.113.1"), 1));
}

TEST(ClientTable, keeps_count_when_workers_enter_and_leave_at_once) {
  ClientTable table(7);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&table] {
      for (int i = 0; i < 2000; ++i) {
        const auto a = ip("192.0.2." + std::to_string(i % 8));
        if (table.enter(a, 100)) table.leave(a);
      }
    });
  for (auto& t : threads) t.join();
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(table.enter(ip("192.0.2." + std::to_string(i)), 1));
}

class Door final : public AcceptEvents {
 public:
  std::vector<UniqueFd> accepted;
  std::vector<SocketAddress> peers;
  int pauses = 0;

 private:
  void on_accept(UniqueFd fd, const SocketAddress& peer) override {
    accepted.push_back(std::move(fd));
    peers.push_back(peer);
  }
  void on_accept_paused(int) override { ++pauses; }
};

class Listening : public ::testing::Test {
 protected:
  void open(std::string_view host = "127.0.0.1") {
    auto fd = open_listener(ip(host, 0), {});
    ASSERT_TRUE(fd) << fd.error().what;
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    ASSERT_EQ(::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&raw), &length), 0);
    address_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
    listener_ = std::make_unique<Listener>(reactor_, std::move(*fd), door_);
  }
  UniqueFd connect() {
    UniqueFd fd(::socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), address_.raw(), address_.length()) != 0) fd.reset();
    return fd;
  }
  bool until(const std::function<bool()>& done) { return testing::turn_until(reactor_, done); }

  Reactor reactor_;
  Door door_;
  SocketAddress address_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(Listening, accepts_clients_with_their_addresses) {
  open();
  ASSERT_TRUE(listener_->start());
  const UniqueFd a = connect();
  const UniqueFd b = connect();
  ASSERT_TRUE(until([&] { return door_.accepted.size() == 2; }));
  EXPECT_EQ(door_.peers[0].ip(), "127.0.0.1");
  EXPECT_NE(door_.peers[0].port(), door_.peers[1].port());
}

TEST_F(Listening, draining_takes_whoever_the_kernel_has_let_in_and_then_nobody) {
  open();
  ASSERT_TRUE(listener_->start());
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back());
  }
  listener_->drain();
  EXPECT_EQ(door_.accepted.size(), 100U);
  EXPECT_FALSE(connect());
}

TEST_F(Listening, pauses_when_descriptors_run_out_and_goes_on_when_there_are_some) {
  open();
  ASSERT_TRUE(listener_->start());
  const UniqueFd client = connect();
  ASSERT_TRUE(client);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool paused = until([&] { return door_.pauses > 0; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(paused);
  EXPECT_TRUE(door_.accepted.empty());
  EXPECT_TRUE(until([&] { return door_.accepted.size() == 1; })) << "nobody was turned away";
}

TEST_F(Listening, shares_an_address_among_workers_and_the_probe_sees_that_it_is_taken) {
  open();
  EXPECT_TRUE(open_listener(address_, {}));
  const auto probed = probe_address(address_);
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().err, EADDRINUSE);
  EXPECT_NE(probed.error().what.find(address_.to_string()), std::string::npos);
  EXPECT_TRUE(probe_address(ip("127.0.0.1", 0)));
}

TEST(Listen, says_where_and_why_it_failed) {
  const auto foreign = open_listener(ip("192.0.2.1", 0), {});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().err, EADDRNOTAVAIL);
  EXPECT_NE(foreign.error().what.find("192.0.2.1:0: bind"), std::string::npos);
}

}  // namespace
}  // namespace aralez
