#include "control/discovery/kubernetes/slice_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/discovery/kubernetes/slice_store.h"
#include "control/json/json_access.h"

namespace aralez::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string slice(std::string_view name, std::string_view service, std::string_view ip,
                  std::string_view version = "7") {
  return R"({"metadata":{"name":")" + std::string(name) + R"(","resourceVersion":")" +
         std::string(version) + R"(","labels":{"kubernetes.io/service-name":")" +
         std::string(service) +
         R"("}},"addressType":"IPv4","ports":[{"name":"http","port":80}],"endpoints":[{"addresses":[")" +
         std::string(ip) + R"("]}]})";
}

std::string event(std::string_view type, std::string_view object) {
  return R"({"type":")" + std::string(type) + R"(","object":)" + std::string(object) + "}\n";
}

std::string page(std::string_view items, std::string_view continued = "") {
  return R"({"kind":"EndpointSliceList","metadata":{"resourceVersion":"5","continue":")" +
         std::string(continued) + R"("},"items":)" + std::string(items) + "}";
}

struct SliceWatchTest : ::testing::Test {
  std::vector<std::string> hosts(const std::string& service) const {
    std::vector<std::string> out;
    for (const ServerConfig& server : store.servers({.name = service, .port = ""}))
      out.push_back(server.host);
    return out;
  }

  SliceStore store{{"a", "b"}};
  std::string version = "5";
  SliceWatch watch{store, version};
};

TEST_F(SliceWatchTest, a_list_comes_in_pages) {
  const auto first = read_page(page("[" + slice("a-1", "a", "10.0.0.1") + "]", "more"), store);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->continued, "more");
  const auto last = read_page(
      page("[" + slice("a-2", "a", "10.0.0.2") + "," + slice("c-1", "c", "10.0.0.3") + ",7]"),
      store);
  ASSERT_TRUE(last) << last.error();
  EXPECT_EQ(last->continued, "");
  EXPECT_EQ(last->version, "5");
  EXPECT_THAT(hosts("a"), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_THAT(hosts("b"), IsEmpty());
  EXPECT_THAT(hosts("c"), IsEmpty());  // nobody asked for it
  EXPECT_TRUE(read_page(page("null"), store));
}

TEST_F(SliceWatchTest, what_is_no_list_is_said_so) {
  for (const char* text :
       {"", "{", "[]", "7", R"({"kind":"Status","metadata":{}})",
        R"({"kind":"EndpointSliceList","metadata":{},"items":[]})",
        R"({"kind":"EndpointSliceList","metadata":{"resourceVersion":5}})",
        R"({"kind":"EndpointSliceList","metadata":{"resourceVersion":"5"},"items":{}})"})
    EXPECT_EQ(read_page(text, store).error(), "the answer is no list of EndpointSlices") << text;
}

TEST_F(SliceWatchTest, events_change_what_is_known) {
  EXPECT_TRUE(watch.take(event("ADDED", slice("a-1", "a", "10.0.0.1", "6")) +
                         event("ADDED", slice("a-2", "a", "10.0.0.2", "7"))));
  EXPECT_THAT(store.take_changed(), ElementsAre("a"));
  EXPECT_THAT(hosts("a"), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(version, "7");
  EXPECT_TRUE(watch.take(event("MODIFIED", slice("a-1", "a", "10.0.0.9", "8"))));
  EXPECT_TRUE(watch.take(event("DELETED", slice("a-2", "a", "10.0.0.2", "9"))));
  EXPECT_THAT(hosts("a"), ElementsAre("10.0.0.9"));
  EXPECT_THAT(store.take_changed(), ElementsAre("a"));
  EXPECT_EQ(version, "9");
}

TEST_F(SliceWatchTest, what_has_not_changed_is_not_told) {
  ASSERT_TRUE(store.put(parse_json(slice("a-1", "a", "10.0.0.1"))));
  static_cast<void>(store.take_changed());
  EXPECT_TRUE(watch.take(event("MODIFIED", slice("a-1", "a", "10.0.0.1", "8"))));
  EXPECT_TRUE(watch.take(event("BOOKMARK", R"({"metadata":{"resourceVersion":"12"}})")));
  EXPECT_TRUE(watch.take(event("DELETED", slice("a-7", "a", "10.0.0.1", "13"))));
  EXPECT_THAT(store.take_changed(), IsEmpty());
  EXPECT_EQ(version, "13");
}

TEST_F(SliceWatchTest, a_slice_that_goes_to_another_service_leaves_the_first) {
  EXPECT_TRUE(watch.take(event("ADDED", slice("a-1", "a", "10.0.0.1"))));
  EXPECT_TRUE(watch.take(event("MODIFIED", slice("a-1", "b", "10.0.0.1"))));
  EXPECT_THAT(store.take_changed(), ElementsAre("a", "b"));
  EXPECT_THAT(hosts("a"), IsEmpty());
  EXPECT_THAT(hosts("b"), ElementsAre("10.0.0.1"));
  EXPECT_TRUE(watch.take(event("MODIFIED", slice("a-1", "c", "10.0.0.1"))));
  EXPECT_THAT(hosts("b"), IsEmpty());
}

TEST_F(SliceWatchTest, lines_come_in_any_pieces_and_the_half_one_at_the_end_is_forgotten) {
  const std::string text = event("ADDED", slice("a-1", "a", "10.0.0.1", "6")) + "\n" +
                           event("ADDED", slice("a-2", "a", "10.0.0.2", "7"));
  for (const char c : text.substr(0, text.size() - 10))
    ASSERT_TRUE(watch.take(std::string_view(&c, 1)));
  EXPECT_THAT(hosts("a"), ElementsAre("10.0.0.1"));
  EXPECT_EQ(version, "6");
}

TEST_F(SliceWatchTest, a_version_that_is_forgotten_needs_a_new_list) {
  EXPECT_FALSE(watch.take(event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})") +
                          event("ADDED", slice("a-1", "a", "10.0.0.1"))));
  EXPECT_EQ(watch.state(), SliceWatch::State::gone);
  EXPECT_THAT(hosts("a"), IsEmpty());
}

TEST_F(SliceWatchTest, what_is_no_event_ends_it) {
  const std::string good = slice("a-1", "a", "10.0.0.1");
  for (const std::string& text :
       {std::string("{\n"), std::string("7\n"), std::string("{}\n"), event("ADDED", "{}"),
        event("MOVED", good), event("ERROR", R"({"code":500})"), event("ERROR", "null"),
        event("ADDED", R"({"metadata":{"name":"x","resourceVersion":7}})")}) {
    SliceWatch other(store, version);
    EXPECT_FALSE(other.take(text)) << text;
    EXPECT_EQ(other.state(), SliceWatch::State::broken);
    EXPECT_NE(other.why(), "");
    EXPECT_FALSE(other.take(event("ADDED", good)));
  }
  EXPECT_EQ(version, "5");
}

TEST_F(SliceWatchTest, a_line_without_an_end_is_not_kept) {
  const std::string piece(1024 * 1024, 'x');
  int pieces = 1;
  while (watch.take(piece)) ASSERT_LT(++pieces, 20);
  EXPECT_EQ(watch.why(), "an event of more than 8388608 bytes");
}

TEST_F(SliceWatchTest, more_addresses_than_anybody_has_are_refused) {
  auto object = parse_json(slice("a-1", "a", "10.0.0.1"));
  auto& endpoints = object["endpoints"];
  for (int i = 1; i < 10'000; ++i) endpoints.push_back(endpoints[0]);
  for (int i = 1; i <= 20; ++i) {
    object["metadata"]["name"] = "a-" + std::to_string(i);
    ASSERT_TRUE(store.put(object));
  }
  EXPECT_FALSE(watch.take(event("ADDED", slice("b-1", "b", "10.0.0.1"))));
  EXPECT_EQ(watch.why(), "more than 200000 addresses");
}

}  // namespace
}  // namespace aralez::kubernetes
