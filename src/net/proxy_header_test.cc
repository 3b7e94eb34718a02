#include "net/proxy_header.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/proxy_header_reader.h"

namespace aralez {
namespace {

using namespace std::string_literals;
using State = ProxyHeader::State;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string version2(std::uint8_t command, std::uint8_t family, const std::string& rest) {
  std::string out = kSignature;
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(rest.size() >> 8U);
  out += static_cast<char>(rest.size() & 0xffU);
  return out + rest;
}
const std::string kV4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01\x30\x39\x01\xbb"s;  // 192.0.2.7:12345
std::string v6() {
  std::string a(36, '\0');
  a[0] = 0x20, a[1] = 0x01, a[2] = 0x0d, a[3] = static_cast<char>(0xb8), a[15] = 7;
  a[32] = 0x30, a[33] = 0x39;
  return a;
}

/// The same verdict for the whole and, until then, none for any part of it.
ProxyHeader parse(const std::string& bytes) {
  const auto whole = parse_proxy_header(bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto part = parse_proxy_header(std::string_view(bytes).substr(0, n));
    const bool open =
        whole.state == State::incomplete || (whole.state == State::complete && n < whole.size);
    EXPECT_TRUE(!open || part.state == State::incomplete) << n;
    EXPECT_TRUE(part.state != State::malformed || whole.state == State::malformed) << n;
  }
  return whole;
}

TEST(ProxyHeader, of_version_1_names_the_client) {
  const auto header = parse("PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\nGET / HTTP/1.1\r\n");
  ASSERT_EQ(header.state, State::complete);
  EXPECT_EQ(header.size, 45U);
  EXPECT_EQ(header.client->to_string(), "192.0.2.7:12345");
  const auto ipv6 = parse("PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n");
  ASSERT_EQ(ipv6.state, State::complete);
  EXPECT_EQ(ipv6.client->to_string(), "[2001:db8::7]:0");
}

TEST(ProxyHeader, of_version_1_without_an_address_is_complete) {
  for (const auto& line : {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN ffff::1 whatever 1 2\r\n"s,
                           "PROXY UNKNOWN "s + std::string(91, 'x') + "\r\n"}) {
    const auto header = parse(line);
    EXPECT_EQ(header.state, State::complete) << line;
    EXPECT_EQ(header.size, line.size());
    EXPECT_FALSE(header.client);
  }
}

TEST(ProxyHeader, of_version_1_is_read_strictly) {
  for (const auto& bad : {"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n"s,
                          "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n"s,
                          "PROXY TCP4 2001:db8::7 192.0.2.7 1 2\r\n"s,
                          "PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n"s,
                          "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n"s,
                          "PROXY TCP4 a.test 198.51.100.1 1 2\r\n"s,
                          "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n"s,
                          "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n"s,
                          "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n\r\n"s,
                          "PROXY TCP4 192.0.2.7\r198.51.100.1 1 2\r\n"s,
                          "PROXY UNKNOWNX\r\n"s,
                          "PROXY \r\n"s,
                          "PROXY UNKNOWN "s + std::string(92, 'x') + "\r\n",
                          "PROXY "s + std::string(200, 'x'),
                          "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n"s,
                          " PROXY UNKNOWN\r\n"s,
                          "GET / HTTP/1.1\r\n"s,
                          "\x16\x03\x01"s}) {
    EXPECT_EQ(parse(bad).state, State::malformed) << bad;
    EXPECT_FALSE(parse(bad).why.empty());
  }
}

TEST(ProxyHeader, of_version_2_names_the_client) {
  const auto header = parse(version2(0x21, 0x11, kV4) + "GET /");
  ASSERT_EQ(header.state, State::complete);
  EXPECT_EQ(header.size, 28U);
  EXPECT_EQ(header.client->to_string(), "192.0.2.7:12345");
  EXPECT_EQ(parse(version2(0x21, 0x21, v6())).client->to_string(), "[2001:db8::7]:12345");
  EXPECT_EQ(parse(version2(0x21, 0x12, kV4)).client->ip(), "192.0.2.7") << "came by UDP";
}

TEST(ProxyHeader, of_version_2_may_carry_tlvs_which_are_skipped) {
  const auto with = version2(0x21, 0x11, kV4 + "\x05\x00\x03xyz"s);
  EXPECT_EQ(parse(with).size, with.size());
  EXPECT_EQ(parse(with).client->ip(), "192.0.2.7");
  const auto most = version2(0x21, 0x11, kV4 + std::string(4096 - 28, 't'));
  EXPECT_EQ(parse(most).state, State::complete);
  EXPECT_EQ(parse(version2(0x21, 0x11, kV4 + std::string(4096 - 27, 't'))).state, State::malformed);
  EXPECT_EQ(parse(version2(0x21, 0x11, std::string(65535, 't'))).state, State::malformed);
}

TEST(ProxyHeader, of_version_2_without_an_address_of_ip_names_nobody) {
  for (const auto& bytes :
       {version2(0x20, 0x00, ""), version2(0x20, 0x11, kV4), version2(0x20, 0xff, "x"),
        version2(0x21, 0x00, ""), version2(0x21, 0x00, "tlv"),
        version2(0x21, 0x31, std::string(216, 'u')), version2(0x21, 0x01, "")}) {
    const auto header = parse(bytes);
    EXPECT_EQ(header.state, State::complete);
    EXPECT_EQ(header.size, bytes.size());
    EXPECT_FALSE(header.client);
  }
}

TEST(ProxyHeader, of_version_2_is_read_strictly) {
  for (const auto& bad :
       {version2(0x11, 0x11, kV4), version2(0x31, 0x11, kV4), version2(0x22, 0x11, kV4),
        version2(0x2f, 0x11, kV4), version2(0x21, 0x41, kV4), version2(0x21, 0x13, kV4),
        version2(0x21, 0x11, kV4.substr(1)), version2(0x21, 0x21, kV4), version2(0x21, 0x31, kV4),
        "\r\n\r\n\0\r\nQUIT\r!!!!"s, "\r\n\r\nGET"s})
    EXPECT_EQ(parse(bad).state, State::malformed);
}

class Reader : public ::testing::Test, public ProxyHeaderEvents {
 protected:
  Reader() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    peer_ = UniqueFd(ends[0]);
    EXPECT_TRUE(reader_.start(UniqueFd(ends[1]), Millis(500)));
  }
  void peer_sends(const std::string& bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    reactor_.turn(Millis(0));
  }
  std::string rest() {
    std::string out(100, '\0');
    const auto n = ::recv(fd_.get(), out.data(), out.size(), 0);
    return out.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n));
  }

  std::string client_;
  std::optional<NoHeader> failed_;
  Reactor reactor_;
  UniqueFd peer_;
  UniqueFd fd_;
  ProxyHeaderReader reader_{reactor_, *this};

 private:
  void on_proxy_header(UniqueFd fd, const std::optional<SocketAddress>& client) override {
    EXPECT_TRUE(client_.empty() && !failed_) << "one event";
    fd_ = std::move(fd);
    client_ = client ? client->ip() : "nobody";
  }
  void on_no_proxy_header(NoHeader what, std::string_view why) override {
    EXPECT_TRUE(client_.empty() && !failed_) << "one event";
    EXPECT_EQ(why.empty(), what == NoHeader::silent);
    failed_ = what;
  }
};

TEST_F(Reader, takes_the_header_and_nothing_behind_it) {
  peer_sends("PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\nGET /");
  EXPECT_EQ(client_, "192.0.2.7");
  EXPECT_EQ(rest(), "GET /");
}

TEST_F(Reader, waits_for_a_header_that_comes_byte_by_byte) {
  for (const char c : version2(0x21, 0x11, kV4)) {
    EXPECT_TRUE(client_.empty());
    peer_sends(std::string(1, c));
  }
  EXPECT_EQ(client_, "192.0.2.7");
  peer_sends("x");
  EXPECT_EQ(rest(), "x");
}

TEST_F(Reader, closes_what_is_no_header_at_its_first_wrong_byte) {
  peer_sends("PROXX");
  EXPECT_EQ(failed_, NoHeader::malformed);
  EXPECT_EQ(::send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1);
}

TEST_F(Reader, tells_a_peer_that_only_looks_from_one_that_breaks_off) {
  peer_.reset();
  reactor_.turn(Millis(0));
  EXPECT_EQ(failed_, NoHeader::silent);
}

TEST_F(Reader, tells_a_peer_that_breaks_off) {
  peer_sends("PROXY TCP4");
  EXPECT_FALSE(failed_);
  ::shutdown(peer_.get(), SHUT_WR);
  reactor_.turn(Millis(0));
  EXPECT_EQ(failed_, NoHeader::malformed);
}

TEST_F(Reader, does_not_wait_for_ever) {
  peer_sends("PROXY ");
  const auto end = reactor_.now() + Millis(5000);
  while (!failed_ && reactor_.now() < end) reactor_.turn(Millis(50));
  EXPECT_EQ(failed_, NoHeader::late);
}

}  // namespace
}  // namespace aralez
