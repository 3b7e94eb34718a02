#include "admin/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace aralez {
namespace {

TEST(JsonWriter, puts_commas_where_they_belong) {
  JsonWriter json;
  json.open_object()
      .member("a", 1)
      .key("b")
      .open_array()
      .value("x")
      .value(true)
      .null()
      .open_object()
      .close_object()
      .close_array()
      .member("c", -2)
      .key("d")
      .open_object()
      .member("e", std::uint64_t{18'446'744'073'709'551'615U})
      .close_object()
      .close_object();
  EXPECT_EQ(json.take(), R"({"a":1,"b":["x",true,null,{}],"c":-2,"d":{"e":18446744073709551615}})");
}

TEST(JsonWriter, escapes_what_has_to_be_and_replaces_what_is_no_text) {
  JsonWriter json;
  json.value("a\"\\\n\x01/\xc3\xa4\xff");
  EXPECT_EQ(json.take(), "\"a\\\"\\\\\\u000a\\u0001/\xc3\xa4\xef\xbf\xbd\"");
}

TEST(JsonWriter, numbers_are_short_and_finite) {
  JsonWriter json;
  json.open_array()
      .value(0.0)
      .value(1.5)
      .value(0.0000004)
      .value(1e9)
      .value(std::numeric_limits<double>::infinity())
      .close_array();
  EXPECT_EQ(json.take(), "[0,1.5,0,1000000000,null]");
}

TEST(JsonWriter, what_is_absent_is_null) {
  JsonWriter json;
  json.open_object()
      .optional_member("a", std::optional<int>())
      .optional_member("b", std::optional<int>(3))
      .close_object();
  EXPECT_EQ(json.take(), R"({"a":null,"b":3})");
}

}  // namespace
}  // namespace aralez
