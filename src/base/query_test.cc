#include "base/query.h"

#include <gtest/gtest.h>

#include <string>

namespace aralez {
namespace {

std::string decoded(std::string_view encoded) {
  std::string out;
  while (!encoded.empty()) out += take_decoded(encoded);
  return out;
}

TEST(Query, is_taken_apart_at_ampersands) {
  const auto all = [](std::string_view query) {
    std::string out;
    for_each_parameter(query, [&out](std::string_view name, std::string_view value) {
      out.append(name).append("|").append(value).append(" ");
    });
    return out;
  };
  EXPECT_EQ(all("a=1&b&c=&=d&e=f=g"), "a|1 b| c| |d e|f=g ");
  EXPECT_EQ(all(""), "");
  EXPECT_EQ(all("&&a"), "| | a| ");
  EXPECT_EQ(all("a=1&"), "a|1 ");
}

TEST(Query, decodes_as_forms_do) {
  EXPECT_EQ(decoded("a%20b+c%2B%zz%4"), "a b c+%zz%4");
  EXPECT_EQ(decoded("%"), "%");
  EXPECT_TRUE(decodes_to("%61b", "ab"));
  EXPECT_FALSE(decodes_to("ab", "abc"));
  EXPECT_FALSE(decodes_to("abc", "ab"));
  EXPECT_TRUE(decodes_to("", ""));
}

}  // namespace
}  // namespace aralez
