#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/node.h"
#include "config/yaml_text.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Yaml {
  explicit Yaml(std::string_view text, const YamlLimits& limits = {})
      : document(parse_yaml(text, "f.yaml", diagnostics, limits)) {}
  [[nodiscard]] const Node& root() const { return document->root(); }
  [[nodiscard]] const Node& at(std::string_view key) const {
    for (const Node::Member& m : root().members())
      if (m.key == key) return *m.value;
    ADD_FAILURE() << "no key " << key;
    return root();
  }
  Diagnostics diagnostics;
  std::unique_ptr<const Document> document;
};

TEST(Yaml, keeps_the_position_of_keys_and_values) {
  const Yaml y("# comment\na: 1\nb:\n  - x\n  - {c: d}\n");
  ASSERT_NE(y.document, nullptr);
  const Node::Member& b = y.root().members()[1];
  EXPECT_EQ(b.line, 3U);
  EXPECT_EQ(b.column, 1U);
  EXPECT_EQ(y.at("a").source().to_string(), "f.yaml:2");
  EXPECT_EQ(y.at("a").source().column, 4U);
  EXPECT_EQ(y.at("b").items()[1]->source().line, 5U);
}

TEST(Yaml, tells_text_from_what_may_be_a_number_or_a_boolean) {
  const Yaml y("a: off\nb: 'true'\nc: \"5\"\nd: !!str 5\ne: |-\n  5\nf: ! 5\ng: 5\n");
  ASSERT_NE(y.document, nullptr);
  for (const auto* text : {"b", "c", "d", "e", "f"})
    EXPECT_EQ(y.at(text).style(), Node::Style::text) << text;
  for (const auto* plain : {"a", "g"}) EXPECT_EQ(y.at(plain).style(), Node::Style::plain) << plain;
}

TEST(Yaml, takes_empty_tilde_and_null_for_nothing) {
  const Yaml y("a:\nb: ~\nc: null\nd: Null\ne: ''\nf:");
  ASSERT_NE(y.document, nullptr);
  for (const auto* nothing : {"a", "b", "c", "d", "f"})
    EXPECT_TRUE(y.at(nothing).is_null()) << nothing;
  EXPECT_TRUE(y.at("e").is_scalar());
  EXPECT_TRUE(Yaml("").root().is_null());
  EXPECT_TRUE(Yaml("# only a comment\n").root().is_null());
}

/// Defect 41.
TEST(Yaml, accepts_what_the_original_refused_for_no_reason) {
  EXPECT_NE(Yaml("a:").document, nullptr) << "a last line without its end";
  EXPECT_NE(Yaml("\xEF\xBB\xBF"
                 "a: b\n")
                .document,
            nullptr)
      << "a byte order mark";
  EXPECT_NE(Yaml("a: b\r\nc:\r\n  - d\r\n").document, nullptr) << "line ends of Windows";
  EXPECT_NE(Yaml(R"({"a": ["b", {"c": null}]})").document, nullptr) << "JSON";
}

TEST(Yaml, reads_the_first_document_only) {
  for (const auto* text : {"---\na: b\n---\n: [\n", "a: b\n...\n: [\n",
                           "%YAML 1.2\n---\na: b\n... \nx", "a: b\r\n---\r\n}\r\n"}) {
    const Yaml y(text);
    ASSERT_NE(y.document, nullptr) << text << y.diagnostics.render();
    EXPECT_EQ(y.at("a").text(), "b") << text;
  }
}

TEST(Yaml, keeps_a_key_given_twice_twice) {
  EXPECT_EQ(Yaml("a: 1\na: 2\n").root().members().size(), 2U);
}

TEST(Yaml, resolves_aliases_and_merge_keys) {
  const Yaml y(
      "base: &base {x: 1, y: 2}\nmore: &more {y: 3, z: 4}\n"
      "a: {<<: *base, x: 9}\nb: {<<: [*base, *more]}\nc: *base\n");
  ASSERT_NE(y.document, nullptr) << y.diagnostics.render();
  const auto text = [&](const char* of, std::string_view key) -> std::string {
    for (const Node::Member& m : y.at(of).members())
      if (m.key == key) return m.value->text();
    return "none";
  };
  EXPECT_EQ(text("a", "x"), "9") << "what is written beats what is merged";
  EXPECT_EQ(text("a", "y"), "2");
  EXPECT_EQ(text("b", "y"), "2") << "earlier merges beat later ones";
  EXPECT_EQ(text("b", "z"), "4");
  EXPECT_EQ(&y.at("c"), &y.at("base"));
  EXPECT_EQ(Yaml("a: {'<<': b}\n").at("a").members()[0].key, "<<") << "in quotes it is a key";
}

struct Wrong {
  std::string_view name, text, begin, holds;
};
class Refused : public ::testing::TestWithParam<Wrong> {};

TEST_P(Refused, yaml_is_reported_with_file_line_and_column) {
  const Yaml y(GetParam().text);
  ASSERT_EQ(y.document, nullptr);
  EXPECT_EQ(y.diagnostics.errors(), 1U);
  EXPECT_THAT(y.diagnostics.render(), StartsWith(std::string(GetParam().begin)));
  EXPECT_THAT(y.diagnostics.render(), HasSubstr(std::string(GetParam().holds)));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Refused,
    ::testing::Values(Wrong{"tab", "a:\n\tb: c\n", "f.yaml:2:", "tab in the indentation"},
                      Wrong{"open_quote", "a: 'b\nc: d\n", "f.yaml:", "not closed"},
                      Wrong{"open_double_quote", "a: \"b\nc: d\n", "f.yaml:", "not closed"},
                      Wrong{"open_map", "a: {b: c\n", "f.yaml:1:9: ", ""},
                      Wrong{"open_list", "a: b\nc: [d\n\n", "f.yaml:2:6: ", ""},
                      Wrong{"unknown_anchor", "a: b\nc: *d\n", "f.yaml:2:4: ", "no such anchor"},
                      Wrong{"alias_in_itself", "a: &x\n  b: *x\n",
                            "f.yaml:2:6: ", "inside what it names"},
                      Wrong{"list_as_key", "? [a]\n: b\n", "f.yaml:1:", "cannot be a key"},
                      Wrong{"merge_of_text", "a:\n  <<: b\n", "f.yaml:2:3: ", "<< needs an alias"},
                      Wrong{"bad_escape", "a: \"\\q\"\n", "f.yaml:1:", "unknown escape"},
                      Wrong{"value_behind_value", "a: b: c\n", "f.yaml:1:", "quote text"},
                      Wrong{"control_byte", "a: b\nc: d\x04\n", "f.yaml:2:5: ", "neither UTF-8"},
                      Wrong{"broken_utf8", "a: \xc3(\n", "f.yaml:1:4: ", "neither UTF-8"},
                      Wrong{"text_behind_the_end", "{a: b}\nc\n", "f.yaml:2:", ""}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(YamlLimits, stop_what_would_take_the_process_down) {
  EXPECT_EQ(Yaml("a: " + std::string(70, '[') + std::string(70, ']')).document, nullptr);
  EXPECT_NE(Yaml("a: " + std::string(60, '[') + std::string(60, ']')).document, nullptr);
  EXPECT_EQ(Yaml(std::string(100'000, '[')).document, nullptr);
  EXPECT_EQ(Yaml(std::string(100'000, '{')).document, nullptr);

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  const Yaml y(bomb);
  EXPECT_EQ(y.document, nullptr);
  EXPECT_THAT(y.diagnostics.render(), HasSubstr("aliases counted in full"));

  EXPECT_EQ(Yaml("a: b\n", {.max_bytes = 4}).document, nullptr);
  EXPECT_NE(Yaml(std::string(10 << 20, '\n') + "a: b\n").document, nullptr);
  EXPECT_EQ(Yaml("[a, b, c]\n", {.max_nodes = 3}).document, nullptr);
  EXPECT_NE(Yaml("[a, b]\n", {.max_nodes = 3}).document, nullptr);
}

TEST(YamlText, finds_bytes_that_are_no_text) {
  struct Case {
    std::string_view text;
    std::optional<std::size_t> at;
  };
  using namespace std::string_view_literals;
  for (const Case& c : {Case{"plain\t\r\n", {}}, Case{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", {}},
                        Case{"a\0b"sv, 1}, Case{"a\x1b", 1}, Case{"a\x7f", 1}, Case{"ab\xc3", 2},
                        Case{"\xc0\xaf", 0}, Case{"\xe0\x80\xaf", 0}, Case{"\xed\xa0\x80", 0},
                        Case{"\xf4\x90\x80\x80", 0}, Case{"\xff", 0}, Case{"a\x80", 1}})
    EXPECT_EQ(first_bad_byte(c.text), c.at) << c.text;
}

TEST(Yaml, warns_of_a_document_that_nobody_reads) {
  for (const auto* text : {"a: b\n", "---\na: b\n...\n", "a: b\n---\n", "a: b\n---\n# x\n\n...\n"})
    EXPECT_TRUE(Yaml(text).diagnostics.empty()) << text;
  const Yaml y("a: b\n---\n# x\nc: d\n");
  ASSERT_NE(y.document, nullptr);
  EXPECT_EQ(y.diagnostics.warnings(), 1U);
  EXPECT_NE(y.diagnostics.render().find(":4:1: warning: a second YAML document"), std::string::npos)
      << y.diagnostics.render();
}

TEST(YamlText, a_marker_counts_only_at_the_start_of_a_line_behind_content) {
  EXPECT_EQ(first_document("---\na\n---\nb"), "---\na\n");
  EXPECT_EQ(first_document("# c\n---\na\n...\nb"), "# c\n---\na\n");
  EXPECT_EQ(first_document("a\n ---\n---x\nb"), "a\n ---\n---x\nb");
  EXPECT_EQ(first_document("...\n---\na"), "...\n---\na");
  EXPECT_EQ(first_document(""), "");
}

}  // namespace
}  // namespace aralez
