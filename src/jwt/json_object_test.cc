#include "jwt/json_object.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using Flaw = JsonObject::Flaw;
using Kind = JsonValue::Kind;

TEST(JsonObject, knows_the_kinds_of_its_members) {
  JsonObject o;
  ASSERT_EQ(o.parse(R"({"a":null,"b":true,"c":7,"d":-7,"e":1.5,"f":"x","g":["y","z"],"h":[],)"
                    R"("i":["y",1],"j":["y",["z"]],"k":{"f":"inner","l":["m"]},"n":"last"})"),
            Flaw::none);
  const auto kind = [&o](std::string_view name) { return o.find(name)->kind; };
  EXPECT_EQ(kind("a"), Kind::null);
  EXPECT_EQ(kind("b"), Kind::boolean);
  EXPECT_EQ(kind("c"), Kind::natural);
  EXPECT_EQ(o.find("c")->natural, 7U);
  EXPECT_EQ(kind("d"), Kind::number);
  EXPECT_EQ(o.find("d")->number, -7);
  EXPECT_EQ(kind("e"), Kind::number);
  EXPECT_EQ(*o.text("f"), "x");
  EXPECT_EQ(o.find("g")->texts, (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(kind("h"), Kind::texts);
  EXPECT_EQ(kind("i"), Kind::other);
  EXPECT_EQ(kind("j"), Kind::other);
  EXPECT_EQ(kind("k"), Kind::other);
  EXPECT_EQ(*o.text("n"), "last");
  EXPECT_EQ(o.find("l"), nullptr);
  EXPECT_EQ(o.text("c"), nullptr);
}

TEST(JsonObject, refuses_what_two_readers_could_take_differently) {
  JsonObject o;
  EXPECT_EQ(o.parse(R"({"alg":"none","alg":"HS256"})"), Flaw::repeated_name);
  EXPECT_EQ(o.parse(R"({"alg":1,"\u0061lg":2})"), Flaw::repeated_name);
  EXPECT_EQ(o.parse(R"({"k":{"a":1,"a":2}})"), Flaw::none);  // nobody looks there
}

TEST(JsonObject, refuses_what_is_no_object_or_no_json) {
  JsonObject o;
  for (const auto* text : {"[]", "1", "\"x\"", "null", "[{}]"})
    EXPECT_EQ(o.parse(text), Flaw::not_an_object) << text;
  for (const auto* text : {"", "{", "{\"a\":1,}", "{}{}", "{'a':1}", "{\"a\":NaN}",
                           "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", "{\"a\":1e999}", "// x\n{}"})
    EXPECT_EQ(o.parse(text), Flaw::not_json) << text;
}

TEST(JsonObject, bounds_depth_and_size) {
  JsonObject o;
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(o.parse(nested(JsonObject::kMaxDepth)), Flaw::none);
  EXPECT_EQ(o.parse(nested(JsonObject::kMaxDepth + 1)), Flaw::too_large);
  EXPECT_EQ(o.parse("{\"a\":" + std::string(30000, '[')), Flaw::too_large);
  EXPECT_EQ(o.parse(std::string(JsonObject::kMaxBytes + 1, ' ')), Flaw::too_large);
}

TEST(JsonObject, writes_strings_that_it_reads_back) {
  EXPECT_EQ(json_string("a\"b\\c\n\x1f/\xc3\xbc"), "\"a\\\"b\\\\c\\n\\u001f/\xc3\xbc\"");
  EXPECT_EQ(json_string(""), "\"\"");
}

}  // namespace
}  // namespace aralez
