#include "io/socket_address.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(SocketAddress, reads_and_writes_both_families) {
  for (const std::string text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:443"}) {
    const auto a = SocketAddress::parse(text);
    ASSERT_TRUE(a) << text;
    EXPECT_EQ(a->to_string(), text);
    EXPECT_EQ(SocketAddress::from_raw(a->raw(), a->length()), *a);
  }
}

TEST(SocketAddress, refuses_what_is_no_numeric_address_with_a_port) {
  for (const auto* bad : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                          "127.0.0.1:80x", "127.0.0.1: 80", "localhost:80", "::1:80", "[::1]",
                          "[::1:80", "::1]:80", "127.1:80", "0x7f.1.1.1:80", "1.2.3.4.5:80"})
    EXPECT_FALSE(SocketAddress::parse(bad)) << bad;
}

TEST(SocketAddress, prints_an_ipv4_client_of_a_dual_stack_socket_as_ipv4) {
  const auto mapped = SocketAddress::from_ip("::ffff:192.0.2.1", 80);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->family(), AF_INET6);
  EXPECT_EQ(mapped->ip(), "192.0.2.1");
  EXPECT_EQ(mapped->to_string(), "192.0.2.1:80");
  EXPECT_EQ(mapped->ip_bytes(), SocketAddress::from_ip("192.0.2.1", 1)->ip_bytes());
}

TEST(SocketAddress, knows_loopback) {
  for (const auto* yes : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(SocketAddress::from_ip(yes, 1)->is_loopback()) << yes;
  for (const auto* no : {"128.0.0.1", "::2", "::", "1::1", "0.0.0.0", "2001:db8::ffff:127.0.0.1"})
    EXPECT_FALSE(SocketAddress::from_ip(no, 1)->is_loopback()) << no;
}

TEST(SocketAddress, differs_by_address_port_and_family) {
  const auto a = SocketAddress::from_ip("127.0.0.1", 80).value();
  auto b = a;
  EXPECT_EQ(a, b);
  b.set_port(81);
  EXPECT_NE(a, b);
  EXPECT_NE(a, SocketAddress::from_ip("127.0.0.2", 80).value());
  EXPECT_NE(a, SocketAddress::from_ip("::ffff:127.0.0.1", 80).value());
}

}  // namespace
}  // namespace aralez
