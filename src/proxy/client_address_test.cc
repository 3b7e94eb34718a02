#include "proxy/client_address.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

Cidr block(std::string_view ip, std::uint32_t prefix) {
  return {SocketAddress::from_ip(ip, 0).value(), prefix};
}

class ClientAddress : public ::testing::Test {
 protected:
  ClientAddress() { connection_.address = SocketAddress::from_ip("10.0.0.1", 0)->ip_bytes(); }

  ClientInfo ask(std::initializer_list<std::string_view> lines) {
    fields_ = Fields();
    for (const auto line : lines) {
      fields_.add(arena_, {"X-Other", "203.0.113.99"});
      fields_.add(arena_, {"X-Forwarded-For", line, FieldId::x_forwarded_for});
    }
    return client_behind(connection_, fields_, arena_);
  }
  std::string client(std::initializer_list<std::string_view> lines) {
    const auto info = ask(lines);
    EXPECT_EQ(SocketAddress::from_ip(info.ip, 0)->ip_bytes(), info.address);
    EXPECT_EQ(info.proxied, lines.size() > 0);
    EXPECT_EQ(info.peer_ip, "10.0.0.1");
    return std::string(info.ip);
  }
  bool tls(std::initializer_list<std::string_view> protos) {
    fields_ = Fields();
    for (const auto value : protos)
      fields_.add(arena_, {"X-Forwarded-Proto", value, FieldId::x_forwarded_proto});
    return client_behind(connection_, fields_, arena_).tls;
  }

  AddressSet trusted_{std::vector{block("10.0.0.0", 8), block("2001:db8:f::", 48)}};
  BlockPool pool_;
  Arena arena_{pool_};
  Fields fields_;
  ClientInfo connection_{.ip = "10.0.0.1", .peer_ip = "10.0.0.1", .trusted = &trusted_};
};

TEST_F(ClientAddress, is_the_last_one_that_is_not_trusted) {
  EXPECT_EQ(client({"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client({"198.51.100.1, 192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client({"198.51.100.1, 192.0.2.7, 10.1.1.1 ,10.2.2.2"}), "192.0.2.7");
  EXPECT_EQ(client({"2001:db8::7, 2001:db8:f::1"}), "2001:db8::7");
}

TEST_F(ClientAddress, is_looked_for_in_all_lines_as_if_they_were_one) {
  EXPECT_EQ(client({"198.51.100.1", "192.0.2.7, 10.1.1.1", "10.2.2.2"}), "192.0.2.7");
  EXPECT_EQ(client({"198.51.100.1, 192.0.2.7", "", " , "}), "192.0.2.7");
}

TEST_F(ClientAddress, is_the_first_one_when_all_are_trusted_and_the_peer_when_there_is_none) {
  EXPECT_EQ(client({"10.3.3.3, 10.2.2.2"}), "10.3.3.3");
  EXPECT_EQ(client({}), "10.0.0.1");
  EXPECT_EQ(client({""}), "10.0.0.1");
  EXPECT_EQ(client({" , ,"}), "10.0.0.1");
}

TEST_F(ClientAddress, is_the_one_before_what_cannot_be_read) {
  EXPECT_EQ(client({"unknown"}), "10.0.0.1");
  EXPECT_EQ(client({"192.0.2.7, unknown"}), "10.0.0.1");
  EXPECT_EQ(client({"192.0.2.7, _hidden, 10.1.1.1"}), "10.1.1.1");
  for (const auto* garbage :
       {"1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:70000", "[1.2.3.4]",
        "[::1", "[::1]x", "[::1]:", "[]", "[]:1", "::1]", "fe80::1%eth0", "192.0.2.7 10.1.1.1",
        "\"192.0.2.7\"", "01.2.3.4", "for=192.0.2.7"})
    EXPECT_EQ(client({"192.0.2.7", garbage}), "10.0.0.1") << garbage;
}

TEST_F(ClientAddress, may_come_with_a_port_and_in_any_spelling) {
  EXPECT_EQ(client({"192.0.2.7:51000"}), "192.0.2.7");
  EXPECT_EQ(client({"[2001:DB8::7]:443"}), "2001:db8::7");
  EXPECT_EQ(client({"[2001:db8:0:0::7]"}), "2001:db8::7");
  EXPECT_EQ(client({"::ffff:192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client({"192.0.2.7, ::ffff:10.1.1.1"}), "192.0.2.7") << "trusted in any spelling";
}

TEST_F(ClientAddress, is_not_looked_for_without_end) {
  std::string bomb = "192.0.2.7";
  for (int i = 0; i < 10'000; ++i) bomb += ",10.1.1.1";
  EXPECT_EQ(client({bomb}), "10.1.1.1");
  EXPECT_EQ(client({"192.0.2.7" + std::string(10'000, ',')}), "10.0.0.1");
}

TEST_F(ClientAddress, comes_with_what_the_proxy_says_of_tls) {
  EXPECT_FALSE(tls({}));
  EXPECT_FALSE(client_behind(connection_, fields_, arena_).proxied) << "asks for itself";
  EXPECT_TRUE(tls({"https"}));
  EXPECT_TRUE(client_behind(connection_, fields_, arena_).proxied);
  EXPECT_TRUE(tls({"HTTPS"}));
  EXPECT_TRUE(tls({"wss"}));
  EXPECT_FALSE(tls({"https", "http"})) << "two answers are none";
  EXPECT_FALSE(tls({"https, http"}));
  connection_.tls = true;
  EXPECT_TRUE(tls({}));
  EXPECT_FALSE(tls({"http"}));
  EXPECT_TRUE(tls({"ftp"}));
}

}  // namespace
}  // namespace aralez
