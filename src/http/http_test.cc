#include <gtest/gtest.h>

#include "http/date.h"
#include "http/head.h"

namespace aralez {
namespace {

TEST(FieldId, knows_names_in_any_case_and_nothing_else) {
  EXPECT_EQ(field_id("Host"), FieldId::host);
  EXPECT_EQ(field_id("TRANSFER-ENCODING"), FieldId::transfer_encoding);
  EXPECT_EQ(field_id("x-forwarded-for"), FieldId::x_forwarded_for);
  EXPECT_EQ(field_id("te"), FieldId::te);
  for (const auto* other : {"X-Bench-A", "h", "hosts", "ho_t", "content-lengtH2", ""})
    EXPECT_EQ(field_id(other), FieldId::other) << other;
}

TEST(Fields, set_replaces_every_copy_in_the_first_place) {
  BlockPool pool;
  Arena arena(pool);
  Fields f;
  f.add(arena, {"X-A", "1"});
  f.add(arena, {"B", "2"});
  f.add(arena, {"x-a", "3"});
  f.set(arena, {"X-a", "9"});
  ASSERT_EQ(f.size(), 2U);
  EXPECT_EQ(f.begin()->value, "9");
  EXPECT_EQ((f.begin() + 1)->name, "B");
  f.set(arena, {"New", "n"});
  EXPECT_EQ(f.size(), 3U);
}

TEST(Date, formats_and_parses_the_three_forms) {
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const auto* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    const auto t = parse_http_date(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(*t, 784111777) << text;
  }
  for (const auto* bad : {"", "x", "Sun, 06 Nov 1994", "Sun, 66 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Foo 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(bad)) << bad;
}

}  // namespace
}  // namespace aralez
