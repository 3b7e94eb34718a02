#include "control/schema/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using ::testing::HasSubstr;
using Scheme = ServerConfig::Scheme;

struct Good {
  std::string_view text;
  Scheme scheme;
  std::string_view host;
  int port;
};
class Servers : public ::testing::TestWithParam<Good> {};

TEST_P(Servers, are_read_in_every_spelling) {
  const auto got = parse_server(GetParam().text);
  ASSERT_TRUE(got.value) << got.wrong;
  EXPECT_EQ(got.value->scheme, GetParam().scheme);
  EXPECT_EQ(got.value->host, GetParam().host);
  EXPECT_EQ(got.value->port, GetParam().port);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Servers,
    ::testing::Values(Good{"10.0.0.1:80", Scheme::detect, "10.0.0.1", 80},
                      Good{"[::1]:8000", Scheme::detect, "::1", 8000},
                      Good{"::1:8000", Scheme::detect, "::1", 8000},
                      Good{"2001:DB8::A:80", Scheme::detect, "2001:db8::a", 80},
                      Good{"Web.Internal:65535", Scheme::detect, "web.internal", 65535},
                      Good{"my_service:1", Scheme::detect, "my_service", 1},
                      Good{"name.:1", Scheme::detect, "name.", 1},
                      Good{" padded:8080\t", Scheme::detect, "padded", 8080},
                      Good{"http://a:1", Scheme::http, "a", 1},
                      Good{"HTTPS://a:1", Scheme::https, "a", 1},
                      Good{"h2c://[::1]:1", Scheme::h2c, "::1", 1}));

TEST(Server, that_cannot_be_reached_is_refused_with_a_hint) {
  struct Case {
    std::string_view text, says;
  };
  for (const Case& c :
       {Case{"host", "has no port; write \"host:8080\""}, Case{"", "empty; write host:port"},
        Case{":80", "has no host"}, Case{"host:0", "a port from 1 to 65535"},
        Case{"host:65536", "a port from 1 to 65535"}, Case{"host:http", "a port from 1 to 65535"},
        Case{"host:8080 x", "a port"}, Case{"[::1]", "has no port"},
        Case{"host:80/path", "more than host and port"},
        Case{"user:secret@host:80", "more than host and port"}, Case{"ftp://h:1", "unknown scheme"},
        Case{"1.2.3:80", "neither an address nor a name"},
        Case{"1.2.3.4.5:80", "neither an address nor a name"}, Case{"ho st:80", "neither"},
        Case{"-a:80", "neither"}, Case{"a..b:80", "neither"}, Case{"[1.2.3.4]:80", "neither"},
        Case{"zz::1:80", "is not IPv6:port"},
        Case{"b\xc3\xbc"
             "cher:80",
             "neither"}}) {
    const auto got = parse_server(c.text);
    EXPECT_FALSE(got.value) << c.text;
    EXPECT_THAT(got.wrong, HasSubstr(std::string(c.says))) << c.text;
  }
}

TEST(Cidr, holds_the_addresses_of_its_block_and_no_others) {
  const auto contains = [](std::string_view block, std::string_view ip) {
    const auto cidr = parse_cidr(block);
    EXPECT_TRUE(cidr) << block;
    return cidr &&
           AddressSet(std::span(&*cidr, 1)).contains(SocketAddress::from_ip(ip, 1)->ip_bytes());
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.1.1")) << "IPv4 on a dual-stack socket";
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_FALSE(contains("::/0", "10.0.0.1"));
  for (const auto* bad : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::/129",
                          "a/8", "10.0.0.0/8x", "10.0.0.0:80/8"})
    EXPECT_FALSE(parse_cidr(bad)) << bad;
}

TEST(DnsName, is_what_resolvers_take) {
  const std::string label(63, 'a');
  for (const auto& good :
       {std::string("a"), std::string("a.b."), std::string("x_y.z-1"), label, std::string("1a.2b")})
    EXPECT_TRUE(is_dns_name(good)) << good;
  for (const auto& bad : {std::string(""), std::string("."), std::string(".a"), std::string("a..b"),
                          std::string("-a"), std::string("a-"), label + "a", std::string("a b"),
                          std::string("1.2.3.4"), std::string("a.5"),
                          label + "." + label + "." + label + "." + label})
    EXPECT_FALSE(is_dns_name(bad)) << bad;
}

TEST(HostKey, is_brought_to_the_form_that_requests_are_compared_in) {
  struct Case {
    std::string_view text, key;
    bool warns;
  };
  for (const Case& c :
       {Case{"Shop.Test", "shop.test", false}, Case{"shop.test.", "shop.test", false},
        Case{"DEFAULT", "DEFAULT", false}, Case{"default", "default", true},
        Case{"shop.test:8080", "shop.test", true}, Case{"::1", "[::1]", false},
        Case{"[FE80::1]", "[fe80::1]", false}, Case{"10.0.0.1", "10.0.0.1", false},
        Case{"*.shop.test", "*.shop.test", true}, Case{"a b", "", true}, Case{"a/b", "", true},
        Case{"", "", true}}) {
    const auto got = normalise_host_key(c.text);
    EXPECT_EQ(got.key, c.key) << c.text;
    EXPECT_EQ(!got.warning.empty(), c.warns) << c.text << ": " << got.warning;
  }
}

TEST(PathKey, is_brought_to_the_form_that_requests_are_compared_in) {
  struct Case {
    std::string_view text, key;
    bool warns;
  };
  for (const Case& c : {Case{"/", "/", false}, Case{"/a/b", "/a/b", false}, Case{"", "/", true},
                        Case{"/%61", "/a", true}, Case{"//a//b", "/a/b", true},
                        Case{"/a/../b", "/b", true}, Case{"/a%2fb", "/a%2Fb", true},
                        Case{"a", "", true}, Case{"/a?b", "", true}, Case{"/a#b", "", true},
                        Case{"/%", "", true}, Case{"/%00", "", true}, Case{"/a*", "/a*", true}}) {
    const auto got = normalise_path_key(c.text);
    EXPECT_EQ(got.key, c.key) << c.text;
    EXPECT_EQ(!got.warning.empty(), c.warns) << c.text << ": " << got.warning;
  }
}

}  // namespace
}  // namespace aralez
