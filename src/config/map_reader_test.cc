#include "config/map_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Reader : public ::testing::Test {
 protected:
  MapReader& read(std::string_view text) {
    diagnostics_ = {};
    document_ = parse_yaml(text, "f.yaml", diagnostics_);
    if (document_ == nullptr) throw std::runtime_error(diagnostics_.render());
    reader_.emplace(document_->root(), diagnostics_);
    return *reader_;
  }
  std::string said() { return diagnostics_.render(); }

  Diagnostics diagnostics_;
  std::unique_ptr<const Document> document_;
  std::optional<MapReader> reader_;
};

TEST_F(Reader, leaves_a_default_alone_when_the_key_is_absent_empty_or_wrong) {
  MapReader& map = read("empty:\nnull: ~\nwrong: maybe\n");
  for (const auto* key : {"absent", "empty", "null", "wrong"}) {
    bool flag = true;
    map.boolean(key, flag);
    EXPECT_TRUE(flag) << key;
  }
  EXPECT_EQ(diagnostics_.errors(), 1U) << said();
}

TEST_F(Reader, reports_a_known_key_given_twice_once_and_takes_the_first) {
  MapReader& map = read("a: x\nb: y\na: z\n");
  std::string a;
  map.text("a", a);
  map.text("a", a);
  EXPECT_EQ(a, "x");
  EXPECT_EQ(said(), "f.yaml:3:1: a: given twice, first in line 1; keep one\n");
}

TEST_F(Reader, warns_of_unknown_keys_with_the_nearest_known_one) {
  MapReader& map = read("thraeds: 4\nlog_leve: info\nnothing_like_it: 1\nthreads: 2\n");
  std::uint32_t threads = 0;
  std::string level;
  map.integer("threads", threads);
  map.text("log_level", level);
  map.finish();
  EXPECT_FALSE(diagnostics_.has_errors());
  EXPECT_EQ(said(),
            "f.yaml:1:1: warning: thraeds: unknown key; did you mean threads?\n"
            "f.yaml:2:1: warning: log_leve: unknown key; did you mean log_level?\n"
            "f.yaml:3:1: warning: nothing_like_it: unknown key; it has no effect\n");
}

TEST_F(Reader, shows_only_the_first_word_of_an_unknown_key) {
  MapReader& map = read("'data:hunter2': x\n'token hunter2': y\n");
  map.finish();
  EXPECT_THAT(said(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(diagnostics_.warnings(), 2U);
}

TEST_F(Reader, does_not_warn_of_keys_that_are_known_and_of_no_effect) {
  read("old: 1\n").ignore({"old"});
  reader_->finish();
  EXPECT_TRUE(diagnostics_.empty());
}

TEST_F(Reader, holds_integers_to_the_range_of_their_type) {
  MapReader& map = read("a: 65536\nb: 65535\nc: -1\n");
  std::uint16_t a = 7;
  std::uint16_t b = 7;
  std::optional<std::uint32_t> c;
  map.integer("a", a);
  map.integer("b", b);
  map.integer("c", c);
  EXPECT_EQ(a, 7);
  EXPECT_EQ(b, 65535);
  EXPECT_EQ(c, std::nullopt);
  EXPECT_EQ(diagnostics_.errors(), 2U);
  EXPECT_THAT(said(), HasSubstr("a: 65536 is out of range; write a whole number from 0 to 65535"));
}

TEST_F(Reader, misses_required_keys_also_when_they_are_empty) {
  MapReader& map = read("a: x\nb:\n");
  for (const auto* key : {"a", "b", "c"}) map.require(key, "something");
  EXPECT_EQ(said(),
            "f.yaml:1:1: c: missing; write something\n"
            "f.yaml:2:1: b: missing; write something\n");
}

TEST(Nearest, forgives_slips_in_proportion_to_the_length) {
  const std::vector<std::string_view> words = {"servers", "to_https", "paths"};
  EXPECT_EQ(nearest("server", words), "servers");
  EXPECT_EQ(nearest("Servers", words), "servers");
  EXPECT_EQ(nearest("sevrers", words), "servers");
  EXPECT_EQ(nearest("path", words), "paths");
  EXPECT_EQ(nearest("to-https", words), "to_https");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("upstreams", words), "");
  EXPECT_EQ(nearest(std::string(1000, 's'), words), "");
}

}  // namespace
}  // namespace aralez
