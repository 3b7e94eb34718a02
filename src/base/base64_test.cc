#include "base/base64.h"

#include <gtest/gtest.h>

#include <array>

namespace aralez {
namespace {

struct Case {
  std::string_view bytes;
  std::string_view standard;
  std::string_view url;
};
// RFC 4648 section 10, and the two characters that differ.
constexpr std::array kCases = {Case{"", "", ""},
                               Case{"f", "Zg==", "Zg"},
                               Case{"fo", "Zm8=", "Zm8"},
                               Case{"foo", "Zm9v", "Zm9v"},
                               Case{"foob", "Zm9vYg==", "Zm9vYg"},
                               Case{"fooba", "Zm9vYmE=", "Zm9vYmE"},
                               Case{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                               Case{"\xfb\xff\xbf", "+/+/", "-_-_"}};

TEST(Base64, encodes_and_decodes_what_the_rfc_lists) {
  for (const Case& c : kCases) {
    std::string out(c.standard.size(), '\0');
    encode_base64(std::as_bytes(std::span(c.bytes)), out.data());
    EXPECT_EQ(out, c.standard);
    EXPECT_EQ(encode_base64url(c.bytes), c.url);
    EXPECT_EQ(decode_base64(c.standard, Base64::standard), c.bytes);
    EXPECT_EQ(decode_base64(c.url, Base64::url), c.bytes);
  }
}

TEST(Base64, refuses_all_but_the_one_encoding) {
  for (const std::string_view bad : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "=Zg=",
                                     "Zg==Zg==", "Zm 9", "Zm9v\n", "-_-_", "Zm9v="})
    EXPECT_FALSE(decode_base64(bad, Base64::standard)) << bad;
  for (const std::string_view bad : {"Zg==", "Zh", "Zm9=", "Z", "+/+/", "Zm9v.", "Zm 9", "Zm9vY"})
    EXPECT_FALSE(decode_base64(bad, Base64::url)) << bad;
}

}  // namespace
}  // namespace aralez
