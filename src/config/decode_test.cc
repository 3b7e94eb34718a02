#include "config/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Millis = std::chrono::milliseconds;

/// One value, as it stands behind `k: `.
class Decode : public ::testing::Test {
 protected:
  KeyedNode value(std::string_view text) {
    diagnostics_ = {};
    document_ = parse_yaml("k: " + std::string(text) + "\n", "f.yaml", diagnostics_);
    if (document_ == nullptr) throw std::runtime_error(diagnostics_.render());
    return {*document_->root().members()[0].value, "k"};
  }
  std::optional<bool> boolean(std::string_view text) {
    return decode_bool(value(text), diagnostics_);
  }
  std::optional<std::int64_t> integer(std::string_view text, IntegerRule rule = {}) {
    return decode_integer(value(text), diagnostics_, rule);
  }
  std::optional<Millis> seconds(std::string_view text, SecondsRule rule = {}) {
    return decode_seconds(value(text), diagnostics_, rule);
  }
  std::optional<std::string> text(std::string_view text, Secret secret = Secret::no) {
    return decode_text(value(text), diagnostics_, secret);
  }
  std::string said() { return diagnostics_.render(); }

  Diagnostics diagnostics_;
  std::unique_ptr<const Document> document_;
};

TEST_F(Decode, booleans_are_true_and_false_in_three_cases) {
  for (const auto* yes : {"true", "True", "TRUE"}) EXPECT_EQ(boolean(yes), true) << yes;
  for (const auto* no : {"false", "False", "FALSE"}) EXPECT_EQ(boolean(no), false) << no;
}

TEST_F(Decode, other_words_are_no_booleans_and_the_message_says_what_was_meant) {
  struct Case {
    std::string_view text, hint;
  };
  for (const Case& c :
       {Case{"yes", "write true"}, Case{"on", "write true"}, Case{"1", "write true"},
        Case{"'true'", "write true without quotes"}, Case{"tRUE", "write true"},
        Case{"off", "write false"}, Case{"n", "write false"}, Case{"maybe", "write true or false"},
        Case{"[true]", "this is a list"}, Case{"{a: b}", "this is a mapping"}}) {
    EXPECT_EQ(boolean(c.text), std::nullopt) << c.text;
    EXPECT_THAT(said(), HasSubstr(std::string(c.hint))) << c.text;
    EXPECT_THAT(said(), HasSubstr("f.yaml:1:4: k: ")) << c.text;
  }
}

TEST_F(Decode, integers_of_the_core_schema) {
  struct Case {
    std::string_view text;
    std::int64_t value;
  };
  for (const Case& c :
       {Case{"0", 0}, Case{"+5", 5}, Case{"017", 17}, Case{"0x10", 16}, Case{"0o17", 15},
        Case{"0xfF", 255}, Case{"9223372036854775807", INT64_MAX}})
    EXPECT_EQ(integer(c.text), c.value) << c.text;
  EXPECT_EQ(integer("-3", {.min = -5}), -3);
}

TEST_F(Decode, what_is_no_integer_is_refused_with_a_hint) {
  struct Case {
    std::string_view text, hint;
  };
  for (const Case& c :
       {Case{"'50'", "write 50 without quotes"}, Case{"1_000", "write 1000"},
        Case{"50.5", "is not whole"}, Case{"50.0", "is not whole"}, Case{"1e3", "is not whole"},
        Case{"0b1", "is not a number"}, Case{"5s", "is not a number"}, Case{"-0x1", "not a number"},
        Case{".inf", "is not whole"}, Case{"true", "is not a number"}, Case{"''", "not a number"},
        Case{"-1", "out of range"}, Case{"9223372036854775808", "out of range"},
        Case{"99999999999999999999999", "out of range"}, Case{"[5]", "this is a list"}}) {
    EXPECT_EQ(integer(c.text), std::nullopt) << c.text;
    EXPECT_THAT(said(), HasSubstr(std::string(c.hint))) << c.text;
  }
}

TEST_F(Decode, whole_floats_pass_for_integers_where_the_key_allows_it) {
  const IntegerRule rule{.max = 5000, .floats = IntegerRule::Floats::whole};
  EXPECT_EQ(integer("50.0", rule), 50);
  EXPECT_EQ(integer("1e3", rule), 1000);
  EXPECT_EQ(integer("1.5E+1", rule), 15);
  for (const auto* bad : {"50.5", ".nan", ".inf", "-.inf", "1e300", "1e4", "'50.0'"})
    EXPECT_EQ(integer(bad, rule), std::nullopt) << bad;
}

TEST_F(Decode, seconds_may_have_fractions_and_no_unit) {
  EXPECT_EQ(seconds("5"), Millis(5000));
  EXPECT_EQ(seconds("0.25"), Millis(250));
  EXPECT_EQ(seconds("0x10"), Millis(16000));
  EXPECT_EQ(seconds("1e1"), Millis(10000));
  for (const auto* bad : {"0", "-1", "5s", "'5'", ".nan", ".inf", "1e9", "[5]", "0.0001", "true"})
    EXPECT_EQ(seconds(bad), std::nullopt) << bad;
  EXPECT_EQ(seconds("0", {.min = Millis(0)}), Millis(0));
  EXPECT_EQ(seconds("'2.5'"), std::nullopt);
  EXPECT_NE(said().find("write 2.5 without quotes"), std::string::npos) << said();
}

TEST_F(Decode, text_is_quoted_or_neither_boolean_nor_number) {
  EXPECT_EQ(text("off"), "off");
  EXPECT_EQ(text("yes"), "yes");
  EXPECT_EQ(text("'5'"), "5");
  EXPECT_EQ(text("1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(text("''"), "");
  for (const auto* bad : {"5", "true", "1e3", ".inf", "0x10", "[a]", "{a: b}", "\"a\\nb\"",
                          "\"a\\0b\"", "\"a\\x7fb\""})
    EXPECT_EQ(text(bad), std::nullopt) << bad;
}

TEST_F(Decode, a_secret_is_never_in_a_message) {
  EXPECT_EQ(text("12345678", Secret::yes), std::nullopt);
  EXPECT_THAT(said(), Not(HasSubstr("12345678")));
  EXPECT_EQ(decode_list(value("[87654321, {user: hunter2}]"), diagnostics_, Secret::yes).size(),
            0U);
  EXPECT_EQ(diagnostics_.errors(), 2U);
  EXPECT_THAT(said(), Not(HasSubstr("87654321")));
  EXPECT_THAT(said(), Not(HasSubstr("hunter2")));
}

TEST_F(Decode, a_list_gives_its_good_entries_and_reports_the_others_by_number) {
  const auto items = decode_list(value("[a, ~, 5, b, {c: d}, [e]]"), diagnostics_);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[1].text, "b");
  EXPECT_EQ(items[1].key, "k[4]");
  EXPECT_EQ(items[1].source.column, 14U);
  EXPECT_EQ(diagnostics_.errors(), 4U);
  EXPECT_THAT(said(), HasSubstr("f.yaml:1:11: k[3]: "));
  EXPECT_THAT(said(), HasSubstr("k[5]: this is a mapping; put the entry in quotes"));
}

TEST_F(Decode, what_is_no_list_gives_no_entries_and_one_error) {
  for (const auto* bad : {"a", "{a: b}", "5"}) {
    EXPECT_TRUE(decode_list(value(bad), diagnostics_).empty()) << bad;
    EXPECT_EQ(diagnostics_.errors(), 1U) << bad;
  }
}

TEST(Shown, cuts_what_may_be_a_secret_or_too_long) {
  EXPECT_EQ(shown("plain"), "\"plain\"");
  EXPECT_EQ(shown("two words"), "\"two...\"");
  EXPECT_EQ(shown("it's"), "\"it...\"");
  EXPECT_EQ(shown("http://user:pass@host"), "the value");
  EXPECT_EQ(shown(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
  std::string wide(59, 'x');
  wide += "\xe2\x82\xac more";
  EXPECT_EQ(shown(wide), "\"" + std::string(59, 'x') + "...\"") << "no half characters";
}

}  // namespace
}  // namespace aralez
