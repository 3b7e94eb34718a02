#include "control/acme/acme_error.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(OneLine, has_nothing_that_steers_a_terminal_or_ends_a_line) {
  EXPECT_EQ(one_line("a\r\nb\x1b[31mc\x7f\xc2\x85"
                     "d"),
            "a  b [31mc  d");
  EXPECT_EQ(one_line("h\xc3\xa9\xff\xc2"), "h\xc3\xa9??");
  EXPECT_EQ(one_line(std::string("a\0b", 3)), "a b");
}

TEST(OneLine, is_cut_between_characters) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "\xc3\xa9";
  EXPECT_EQ(one_line("x" + text).size(), 399U);
}

}  // namespace
}  // namespace aralez
