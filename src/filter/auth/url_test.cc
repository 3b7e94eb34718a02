#include "filter/auth/url.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

std::string shown(std::string_view text) {
  const auto url = parse_http_url(text);
  if (!url) return std::string(url.error());
  return (url->tls ? "tls " : "plain ") + url->host + " " + std::to_string(url->port) + " " +
         url->authority + " " + url->target;
}

TEST(HttpUrl, is_taken_apart) {
  EXPECT_EQ(shown("http://auth.test/verify"), "plain auth.test 80 auth.test /verify");
  EXPECT_EQ(shown("https://Auth.Test:8443/a/b?rd=https://x/"),
            "tls auth.test 8443 Auth.Test:8443 /a/b?rd=https://x/");
  EXPECT_EQ(shown("HTTPS://auth.test"), "tls auth.test 443 auth.test /");
  EXPECT_EQ(shown("http://auth.test?x=1"), "plain auth.test 80 auth.test /?x=1");
  EXPECT_EQ(shown("http://[::1]:9091/api"), "plain ::1 9091 [::1]:9091 /api");
  EXPECT_EQ(shown("http://127.0.0.1:9091"), "plain 127.0.0.1 9091 127.0.0.1:9091 /");
}

TEST(HttpUrl, says_what_is_wrong_and_quotes_nothing) {
  const auto says = [](std::string_view text, std::string_view what) {
    EXPECT_NE(shown(text).find(what), std::string::npos) << text << ": " << shown(text);
    EXPECT_EQ(shown(text).find("s3cret"), std::string::npos) << text;
  };
  says("s3cret:80", "not a URL");
  says("ftp://s3cret/", "http or https");
  says("http://u:s3cret@auth.test/", "user name");
  says("http:///s3cret", "no usable host");
  says("http://:80/s3cret", "no usable host");
  says("http://a,b/s3cret", "no usable host");
  says("http://auth.test:0/s3cret", "port");
  says("http://auth.test/s3cret#top", "fragment");
  says("http://auth.test/s3 cret", "blanks");
  says("http://auth.test/s3cret\r\nX: y", "blanks");
  says("http://auth.test/s3cr\xc3\xa9t", "non-ASCII");
}

TEST(HttpUrl, refuses_ports_that_are_none) {
  for (const char* text : {"http://a.test:65536/", "http://a.test:99999/", "http://a.test:x/"})
    EXPECT_FALSE(parse_http_url(text)) << text;
}

}  // namespace
}  // namespace aralez
