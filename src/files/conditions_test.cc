#include "files/conditions.h"

#include <gtest/gtest.h>

#include "files/media_type.h"

namespace aralez {
namespace {

struct Request {
  explicit Request(std::initializer_list<Field> list) {
    for (const Field& f : list) fields.add(arena, {f.name, f.value, field_id(f.name)});
  }
  BlockPool pool;
  Arena arena{pool};
  Fields fields;
};
const Validators kNow{.etag = "\"a\"", .modified = 1'000'000'000};  // Sun, 09 Sep 2001 01:46:40 GMT

TEST(Conditions, tags_win_over_dates_and_only_if_none_match_is_weak) {
  const auto check = [](std::initializer_list<Field> list) {
    return check_conditions(Request(list).fields, kNow);
  };
  EXPECT_EQ(check({}), Condition::pass);
  EXPECT_EQ(check({{"If-None-Match", "\"b\", W/\"a\""}}), Condition::not_modified);
  EXPECT_EQ(
      check({{"If-None-Match", "\"b\""}, {"If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"}}),
      Condition::pass);
  EXPECT_EQ(check({{"If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"}}),
            Condition::not_modified);
  EXPECT_EQ(check({{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}}),
            Condition::not_modified);
  EXPECT_EQ(check({{"If-None-Match", " * "}}), Condition::not_modified);
  EXPECT_EQ(check({{"If-Match", "\"b\""}, {"If-Match", "\"a\""}}), Condition::pass);
  EXPECT_EQ(check({{"If-Match", "W/\"a\""}}), Condition::failed);
  EXPECT_EQ(check({{"If-Match", "\"a\""}}), Condition::pass);
}

TEST(Conditions, one_range_is_clipped_and_what_is_outside_is_unsatisfiable) {
  using Kind = ByteRange::Kind;
  const auto read = [](std::string_view value, std::uint64_t size = 13) {
    return read_range(Request({{"Range", value}}).fields, kNow, size);
  };
  EXPECT_EQ(read("bytes=5-100").length, 8U);
  EXPECT_EQ(read("bytes=-100").length, 13U);
  EXPECT_EQ(read("Bytes=5-100").length, 8U);
  EXPECT_EQ(read("bytes=-5").first, 8U);
  EXPECT_EQ(read("bytes=13-").kind, Kind::unsatisfiable);
  EXPECT_EQ(read("bytes=-0").kind, Kind::unsatisfiable);
  EXPECT_EQ(read("bytes=0-0", 0).kind, Kind::unsatisfiable);
  EXPECT_EQ(read("bytes=4-1").kind, Kind::whole);
  EXPECT_EQ(read("bytes=0-1,3-4").kind, Kind::whole);
  EXPECT_EQ(read("bytes=99999999999999999999-").kind, Kind::unsatisfiable);
}

TEST(MediaType, goes_by_the_last_extension) {
  EXPECT_EQ(media_type("/a.b/x.HTML"), "text/html");
  EXPECT_EQ(media_type("/a.css/x"), "application/octet-stream");
}

}  // namespace
}  // namespace aralez
