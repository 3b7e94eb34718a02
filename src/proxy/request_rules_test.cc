#include "proxy/request_rules.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

/// A request as a codec hands it over, and what the rules make of it.
struct Judged {
  Judged(std::string_view target, std::string_view host_field, std::string_view scheme = {},
         std::string_view authority = {}) {
    head.method = Method::get;
    head.method_text = "GET";
    head.target = target;
    head.scheme = scheme;
    if (!host_field.empty()) head.fields.add(arena, {"Host", host_field, FieldId::host});
    head.authority = scheme.empty() ? host_field : authority;
  }
  RequestVerdict judge() { return check_request(head, arena, host, path); }

  BlockPool pool;
  Arena arena{pool};
  Head head;
  std::string_view host;
  TargetPath path;
};

TEST(RequestRules, give_policy_one_host_and_one_path) {
  Judged r("/A/%2e%2e/b//c?q", "Shop.Test.:8080");
  EXPECT_EQ(r.judge().status, 0);
  EXPECT_EQ(r.host, "shop.test");
  EXPECT_EQ(r.path.match, "/b/c");
  EXPECT_EQ(r.path.forward, "/b//c?q");
}

TEST(RequestRules, a_query_behind_an_authority_is_of_the_root) {
  Judged r("?q=/x", "a.test", "http", "a.test");
  EXPECT_EQ(r.judge().status, 0);
  EXPECT_EQ(r.path.match, "/");
  EXPECT_EQ(r.path.forward, "/?q=/x");
  EXPECT_EQ(r.path.query, "?q=/x");
  EXPECT_EQ(r.head.target, "/?q=/x");
}

TEST(RequestRules, refuse_a_host_that_is_none) {
  for (const auto* bad :
       {"a b", "a,b", "user@a", "a/b", "[::1", "a:99999999", "a:b", "[::1]:123456"}) {
    Judged r("/", bad);
    const auto verdict = r.judge();
    EXPECT_EQ(verdict.status, 400) << bad;
    EXPECT_EQ(verdict.reason, Reason::bad_host) << bad;
    EXPECT_FALSE(verdict.why.empty());
  }
}

TEST(RequestRules, refuse_a_target_whose_encoding_is_broken) {
  for (const auto* bad : {"/%", "/%0g", "/%00", "/a%00b"}) {
    Judged r(bad, "a");
    EXPECT_EQ(r.judge().status, 400) << bad;
  }
}

TEST(RequestRules, an_absolute_target_and_the_host_field_must_agree) {
  struct Case {
    std::string_view scheme, target, field;
    int status;
  };
  for (const Case& c :
       {Case{"http", "a.test", "a.test", 0}, Case{"http", "A.TEST", "a.test.", 0},
        Case{"http", "a.test:80", "a.test", 0}, Case{"https", "a.test", "a.test:443", 0},
        Case{"http", "a.test", "b.test", 400}, Case{"http", "a.test:81", "a.test", 400},
        Case{"https", "a.test", "a.test:80", 400}, Case{"http", "a.test", "a b", 400}}) {
    Judged r("/", c.field, c.scheme, c.target);
    EXPECT_EQ(r.judge().status, c.status) << c.target << " " << c.field;
  }
}

TEST(RequestRules, add_the_host_field_that_http_1_0_may_lack) {
  Judged r("/", "");
  EXPECT_EQ(r.judge().status, 0);
  EXPECT_EQ(r.host, "");
  EXPECT_NE(r.head.fields.find(FieldId::host), nullptr);
  Judged absolute("/", "", "http", "A.test");
  EXPECT_EQ(absolute.judge().status, 0);
  EXPECT_EQ(absolute.host, "a.test");
  EXPECT_EQ(absolute.head.fields.value(FieldId::host), "A.test");
}

TEST(RequestRules, remove_fields_that_alias_others_and_the_proxy_field) {
  Judged r("/", "a");
  r.head.fields.add(r.arena, {"X_Forwarded_For", "1.2.3.4", FieldId::other, true});
  r.head.fields.add(r.arena, {"Proxy", "http://evil", FieldId::proxy});
  r.head.fields.add(r.arena, {"X-Kept", "k"});
  EXPECT_EQ(r.judge().status, 0);
  ASSERT_EQ(r.head.fields.size(), 2U);
  EXPECT_EQ((r.head.fields.begin() + 1)->name, "X-Kept");
}

TEST(RequestRules, answer_connect_with_405_whatever_it_names) {
  Judged r("a:443", "a");
  r.head.method = Method::connect;
  EXPECT_EQ(r.judge().status, 405);
}

TEST(RequestRules, match_options_star_at_the_root_and_forward_the_star) {
  Judged r("*", "a");
  r.head.method = Method::options;
  EXPECT_EQ(r.judge().status, 0);
  EXPECT_EQ(r.path.match, "/");
  EXPECT_EQ(r.path.forward, "*");
}

/// What becomes of a Max-Forwards on its way through.
std::string counted(std::initializer_list<std::string_view> values) {
  Judged r("/", "a");
  r.head.method = Method::options;
  for (const auto value : values) r.head.fields.add(r.arena, {"max-forwards", value});
  switch (count_hop(r.head, r.arena)) {
    case Hop::last: return "last";
    case Hop::malformed: return "malformed";
    case Hop::onward: break;
  }
  const Field* left = r.head.fields.find("Max-Forwards");
  return left ? std::string(left->value) : "none";
}

TEST(RequestRules, count_max_forwards_down_and_stop_at_zero) {
  EXPECT_EQ(counted({}), "none");
  EXPECT_EQ(counted({"0"}), "last");
  EXPECT_EQ(counted({"000"}), "last");
  EXPECT_EQ(counted({"1"}), "0");
  EXPECT_EQ(counted({"10"}), "9");
  EXPECT_EQ(counted({"99999999999999999999"}), "4294967294") << "the most we can count";
}

TEST(RequestRules, take_no_max_forwards_that_is_not_one_number) {
  for (const auto* bad : {"", "-1", "+1", "1 ", "1,2", "0x1", "1.0", "many"})
    EXPECT_EQ(counted({bad}), "malformed") << bad;
  EXPECT_EQ(counted({"5", "5"}), "malformed");
}

}  // namespace
}  // namespace aralez
