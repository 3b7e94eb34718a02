#include "config/diagnostics.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

Source at(std::string file, std::uint32_t line = 0, std::uint32_t column = 0) {
  return {std::make_shared<const std::string>(std::move(file)), line, column};
}

TEST(Diagnostics, are_reported_by_file_and_place_whatever_the_order_they_came_in) {
  Diagnostics d;
  d.error(at("b.yaml", 1, 1), "k", "third");
  d.warning(at("a.yaml", 2, 5), "k", "second");
  d.error(at("a.yaml", 2, 3), "", "first");
  EXPECT_EQ(d.render(),
            "a.yaml:2:3: first\n"
            "a.yaml:2:5: warning: k: second\n"
            "b.yaml:1:1: k: third\n");
  EXPECT_EQ(d.errors(), 2U);
  EXPECT_EQ(d.warnings(), 1U);
}

TEST(Diagnostics, of_a_whole_file_have_no_line) {
  Diagnostics d;
  d.warning(at("a.yaml"), "", "does not exist");
  EXPECT_EQ(d.render(), "a.yaml: warning: does not exist\n");
  EXPECT_FALSE(d.has_errors());
  EXPECT_FALSE(d.empty());
}

TEST(Diagnostics, stay_one_line_each_whatever_a_key_holds) {
  Diagnostics d;
  d.error(at("a\nb.yaml", 1, 1), "k\x1b[2J", "bad\r\nERROR forged");
  EXPECT_EQ(d.render(), "a\\x0ab.yaml:1:1: k\\x1b[2J: bad\\x0d\\x0aERROR forged\n");
}

TEST(Diagnostics, cut_a_key_that_a_lost_quote_has_drawn_text_into) {
  Diagnostics d;
  d.error(at("a.yaml", 1, 1), "host\" data: hunter2", "x");
  d.error(at("a.yaml", 2, 1), std::string(200, 'k'), "x");
  EXPECT_EQ(d.render(),
            "a.yaml:1:1: host...: x\na.yaml:2:1: " + std::string(120, 'k') + "...: x\n");
}

TEST(Diagnostics, keep_a_bounded_number_count_the_rest_and_let_errors_through) {
  Diagnostics d;
  for (std::size_t i = 0; i < 2 * Diagnostics::kMost; ++i) d.warning(at("a"), "k", "w");
  d.error(at("b"), "k", "e");
  EXPECT_EQ(d.sorted().size(), Diagnostics::kMost + 1);
  EXPECT_TRUE(d.has_errors());
  const auto text = d.render();
  EXPECT_TRUE(text.ends_with("b: k: e\nand 500 more\n"));
}

}  // namespace
}  // namespace aralez
