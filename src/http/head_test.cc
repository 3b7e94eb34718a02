#include "http/head.h"

#include <gtest/gtest.h>

#include <array>

#include "http/stream.h"

namespace aralez {
namespace {

TEST(Method, is_case_sensitive_and_unknown_ones_stay_unknown) {
  EXPECT_EQ(method_of("GET"), Method::get);
  EXPECT_EQ(method_of("DELETE"), Method::del);
  EXPECT_EQ(method_of("PATCH"), Method::patch);
  for (const auto* other : {"get", "Get", "GETS", "GE", "", "PROPFIND"})
    EXPECT_EQ(method_of(other), Method::other) << other;
}

TEST(Method, is_sent_again_only_when_twice_is_as_good_as_once) {
  for (const Method m : {Method::get, Method::head, Method::put, Method::del, Method::options})
    EXPECT_TRUE(is_idempotent(m));
  for (const Method m : {Method::post, Method::patch, Method::connect, Method::other})
    EXPECT_FALSE(is_idempotent(m)) << static_cast<int>(m);
}

TEST(Status, without_a_body_by_definition) {
  for (const int s : {100, 101, 103, 199, 204, 304})
    EXPECT_TRUE(bodyless(static_cast<std::uint16_t>(s))) << s;
  for (const int s : {200, 205, 206, 301, 404, 500})
    EXPECT_FALSE(bodyless(static_cast<std::uint16_t>(s))) << s;
}

TEST(Status, of_our_own_and_of_http2_servers_has_a_reason_phrase) {
  for (const int s : {200, 202, 206, 301, 303, 304, 307, 308, 400, 404, 405, 408, 409, 410, 413,
                      414, 415, 416, 417, 422, 429, 431, 451, 500, 501, 502, 503, 504, 505})
    EXPECT_FALSE(reason_phrase(static_cast<std::uint16_t>(s)).empty()) << s;
}

TEST(Head, a_switch_of_protocols_is_final_other_1xx_are_not) {
  Head head;
  for (const int s : {100, 102, 103}) {
    head.status = static_cast<std::uint16_t>(s);
    EXPECT_TRUE(head.interim()) << s;
  }
  for (const int s : {0, 101, 200}) {
    head.status = static_cast<std::uint16_t>(s);
    EXPECT_FALSE(head.interim()) << s;
  }
}

TEST(Fields, grow_out_of_the_array_they_began_in_and_keep_their_order) {
  BlockPool pool;
  Arena arena(pool);
  std::array<Field, 2> storage{Field{"A", "1"}, Field{"B", "2"}};
  Fields fields(storage, 2);
  for (int i = 0; i < 50; ++i) fields.add(arena, {"C", arena.copy(std::to_string(i))});
  ASSERT_EQ(fields.size(), 52U);
  EXPECT_EQ(fields.begin()->name, "A");
  EXPECT_EQ((fields.end() - 1)->value, "49");
  EXPECT_EQ(storage[1].name, "B") << "the array of the codec is left alone";
}

TEST(Fields, find_by_name_in_any_case_and_by_id_the_first) {
  BlockPool pool;
  Arena arena(pool);
  Fields fields;
  EXPECT_EQ(fields.find(FieldId::host), nullptr);
  EXPECT_EQ(fields.value(FieldId::host), "");
  fields.add(arena, {"Host", "a", FieldId::host});
  fields.add(arena, {"host", "b", FieldId::host});
  EXPECT_EQ(fields.value(FieldId::host), "a");
  EXPECT_EQ(fields.find("HOST")->value, "a");
  fields.remove(FieldId::host);
  EXPECT_TRUE(fields.empty());
}

TEST(Fields, of_a_moved_array_are_not_those_of_the_old_one) {
  BlockPool pool;
  Arena arena(pool);
  std::array<Field, 2> storage{Field{"A", "1"}, Field{"B", "2"}};
  Fields fields(storage, 2);
  fields.move_to(arena, 1);
  fields.set(arena, {"A", "new"});
  fields.add(arena, {"C", "3"});
  EXPECT_EQ(storage[0].value, "1");
  EXPECT_EQ(fields.size(), 3U);
}

class Silent final : public Stream {
 public:
  int detached = 0;
  void send_head(const Head&, End) override {}
  void send_body(Chain&&, End) override {}
  void send_trailers(const Fields&) override {}
  void grant(std::size_t) override {}
  void reset(ResetCode) override {}
  void detach() override { ++detached; }
};

TEST(StreamRef, detaches_once_unless_the_stream_is_gone_by_itself) {
  Silent a, b, gone;
  {
    StreamRef ref(&a);
    StreamRef moved(std::move(ref));
    moved = StreamRef(&b);
    EXPECT_EQ(a.detached, 1);
    StreamRef forgotten(&gone);
    forgotten.forget();
  }
  EXPECT_EQ(a.detached, 1);
  EXPECT_EQ(b.detached, 1);
  EXPECT_EQ(gone.detached, 0);
}

}  // namespace
}  // namespace aralez
