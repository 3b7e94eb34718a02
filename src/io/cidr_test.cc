#include "io/cidr.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

Cidr block(std::string_view ip, std::uint32_t prefix) {
  return {SocketAddress::from_ip(ip, 0).value(), prefix};
}
IpBytes bytes(std::string_view ip) {
  return SocketAddress::from_ip(ip, 0).value().ip_bytes();
}

TEST(AddressSet, holds_what_its_blocks_hold_whatever_their_order) {
  const std::vector<Cidr> blocks{block("192.0.2.128", 25),  block("10.0.0.0", 8),
                                 block("10.1.0.0", 16),     block("192.0.2.0", 25),
                                 block("2001:db8:1::", 48), block("2001:db8::", 33),
                                 block("::1", 128),         block("::ffff:198.51.100.0", 120)};
  const AddressSet set(blocks);
  for (const auto* ip : {"10.0.0.0", "10.1.2.3", "10.255.255.255", "192.0.2.0", "192.0.2.127",
                         "192.0.2.128", "192.0.2.255", "2001:db8::", "2001:db8:7fff::1",
                         "2001:db8:1::1", "::1", "::ffff:10.0.0.1", "198.51.100.7"})
    EXPECT_TRUE(set.contains(bytes(ip))) << ip;
  for (const auto* ip :
       {"11.0.0.0", "9.255.255.255", "192.0.3.0", "192.0.1.255", "2001:db8:8000::1",
        "2001:db7:ffff::", "::", "::2", "198.51.101.0", "198.51.99.255"})
    EXPECT_FALSE(set.contains(bytes(ip))) << ip;
}

TEST(AddressSet, of_all_ipv6_has_no_ipv4_and_the_other_way_round) {
  const AddressSet v6(std::vector{block("::", 0)});
  EXPECT_TRUE(v6.contains(bytes("2001:db8::1")));
  EXPECT_FALSE(v6.contains(bytes("192.0.2.1")));
  EXPECT_FALSE(v6.contains(bytes("::ffff:192.0.2.1")));
  const AddressSet v4(std::vector{block("0.0.0.0", 0)});
  EXPECT_TRUE(v4.contains(bytes("192.0.2.1")));
  EXPECT_FALSE(v4.contains(bytes("2001:db8::1")));
}

TEST(AddressSet, of_nothing_is_empty) {
  const AddressSet none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.contains(bytes("127.0.0.1")));
  EXPECT_FALSE(AddressSet(std::vector{block("::1", 128)}).empty());
}

TEST(Cidr, knows_whether_bits_behind_the_prefix_are_set) {
  EXPECT_TRUE(block("10.0.0.0", 8).exact());
  EXPECT_FALSE(block("10.0.0.1", 8).exact());
  EXPECT_TRUE(block("2001:db8::", 32).exact());
  EXPECT_FALSE(block("2001:db8::1", 127).exact());
}

}  // namespace
}  // namespace aralez
