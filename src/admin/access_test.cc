#include "admin/access.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using Verdict = AccessRules::Verdict;

struct Asked {
  std::string client = "127.0.0.1";
  std::string host = "127.0.0.1:3000";
  std::string query = {};
  std::vector<std::pair<std::string, std::string>> fields = {};
  bool tls = false;
};

Verdict judge(const AccessRules& rules, const Asked& asked, Call call = Call::conf) {
  BlockPool pool;
  Arena arena(pool);
  const ClientInfo client{
      .ip = asked.client, .tls = asked.tls, .peer_loopback = asked.client == "127.0.0.1"};
  Head head;
  head.authority = asked.host;
  for (const auto& [name, value] : asked.fields)
    head.fields.add(arena, {name, value, field_id(name)});
  const TargetPath path{.query = asked.query};
  const auto authority = parse_authority(asked.host, arena);
  const RequestContext request{
      head, path, authority ? authority->host : std::string_view(), client, arena, pool, 0};
  return rules.judge(request, call);
}

const AccessRules kOpen({});
const AccessRules kKeyed({.master_key = "hunter2", .names = {"admin.test"}});

TEST(Access, without_a_key_is_for_this_machine_alone) {
  EXPECT_EQ(judge(kOpen, {}), Verdict::open);
  EXPECT_EQ(judge(kOpen, {.client = "192.0.2.1"}), Verdict::not_local);
  EXPECT_EQ(judge(kOpen, {.client = "192.0.2.1", .fields = {{"x-api-key", ""}}}),
            Verdict::not_local);
  EXPECT_EQ(judge(kOpen, {.client = "192.0.2.1", .query = "?key="}), Verdict::not_local);
  EXPECT_EQ(judge(kOpen, {.client = "192.0.2.1"}, Call::jwt), Verdict::not_local);
}

TEST(Access, asks_others_for_the_key) {
  const Asked stranger{.client = "192.0.2.1"};
  EXPECT_EQ(judge(kKeyed, {}), Verdict::open);
  EXPECT_EQ(judge(kKeyed, stranger), Verdict::no_key);
  EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1", .query = "?key=hunter3"}), Verdict::wrong_key);
  EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1", .query = "?save&key=hunter2"}), Verdict::open);
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"X-API-Key", "hunter2"},
                                                        {"Authorization", "Bearer hunter2"},
                                                        {"authorization", "bearer  hunter2"}})
    EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1", .fields = {{name, value}}}), Verdict::open)
        << name;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"X-API-Key", "hunter"}, {"X-API-Key", ""}, {"Authorization", "Bearer hunter22"}})
    EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1", .fields = {{name, value}}}), Verdict::wrong_key)
        << value;
  EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1", .fields = {{"Authorization", "Basic hunter2"}}}),
            Verdict::no_key);
}

TEST(Access, takes_the_right_key_beside_wrong_ones) {
  EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1",
                           .query = "?key=old",
                           .fields = {{"x-api-key", "older"}, {"x-api-key", "hunter2"}}}),
            Verdict::open);
}

TEST(Access, a_request_that_a_proxy_passed_on_is_not_of_this_machine) {
  for (const char* field : {"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host",
                            "X-Forwarded-Proto"}) {
    EXPECT_EQ(judge(kKeyed, {.fields = {{field, "127.0.0.1"}}}), Verdict::no_key) << field;
    EXPECT_EQ(judge(kKeyed, {.fields = {{field, ""}}}), Verdict::no_key) << field;
    EXPECT_EQ(judge(kOpen, {.fields = {{field, "127.0.0.1"}}}), Verdict::not_local) << field;
  }
}

TEST(Access, what_the_listener_knows_of_a_proxy_counts_too) {
  BlockPool pool;
  Arena arena(pool);
  Head head;
  const TargetPath path;
  ClientInfo client{.ip = "127.0.0.1", .peer_loopback = true, .proxied = true};
  const RequestContext request{head, path, "localhost", client, arena, pool, 0};
  EXPECT_EQ(kOpen.judge(request, Call::conf), Verdict::not_local);
  EXPECT_TRUE(kKeyed.asks_for_key(request, Call::conf));
  EXPECT_FALSE(kKeyed.asks_for_key(request, Call::acme_challenge));
  client.proxied = false;
  EXPECT_EQ(kOpen.judge(request, Call::conf), Verdict::open);
  EXPECT_FALSE(kKeyed.asks_for_key(request, Call::conf));
  EXPECT_TRUE(kKeyed.asks_for_key(request, Call::jwt));
  EXPECT_FALSE(kOpen.asks_for_key(request, Call::jwt));
}

TEST(Access, a_host_that_others_can_point_here_needs_the_key) {
  for (const char* own : {"localhost", "LOCALHOST:3000", "x.localhost", "127.0.0.1", "[::1]:3000",
                          "192.0.2.9", "admin.test:80"})
    EXPECT_EQ(judge(kKeyed, {.host = own}), Verdict::open) << own;
  for (const char* foreign : {"evil.test", "localhost.evil.test", "127.0.0.1.evil.test",
                              "admin.test.evil.test", "xlocalhost", "2130706433"}) {
    EXPECT_EQ(judge(kKeyed, {.host = foreign}), Verdict::foreign_host) << foreign;
    EXPECT_EQ(judge(kKeyed, {.host = foreign, .query = "?key=hunter2"}), Verdict::open) << foreign;
    EXPECT_EQ(judge(kKeyed, {.host = foreign, .query = "?key=x"}), Verdict::foreign_host)
        << foreign;
  }
}

TEST(Access, pages_of_other_sites_get_nothing_with_or_without_a_key) {
  const auto with = [](std::string name, std::string value) {
    return Asked{.query = "?key=hunter2", .fields = {{std::move(name), std::move(value)}}};
  };
  for (const char* origin :
       {"http://evil.test", "null", "", "http://127.0.0.1", "http://127.0.0.1:3001",
        "http://localhost:3000", "https://127.0.0.1:3000.evil.test"})
    EXPECT_EQ(judge(kKeyed, with("Origin", origin)), Verdict::foreign_site) << origin;
  EXPECT_EQ(judge(kKeyed, with("Origin", "http://127.0.0.1:3000")), Verdict::open);
  EXPECT_EQ(judge(kKeyed, with("Sec-Fetch-Site", "cross-site")), Verdict::foreign_site);
  EXPECT_EQ(judge(kKeyed, with("Sec-Fetch-Site", "same-site")), Verdict::foreign_site);
  EXPECT_EQ(judge(kKeyed, with("Sec-Fetch-Site", "same-origin")), Verdict::open);
  EXPECT_EQ(judge(kKeyed, with("Sec-Fetch-Site", "none")), Verdict::open);
}

TEST(Access, with_tls_a_page_that_came_without_is_of_another_site) {
  const auto asked = [](bool tls, std::string origin) {
    return Asked{.fields = {{"Origin", std::move(origin)}}, .tls = tls};
  };
  EXPECT_EQ(judge(kKeyed, asked(true, "https://127.0.0.1:3000")), Verdict::open);
  EXPECT_EQ(judge(kKeyed, asked(true, "http://127.0.0.1:3000")), Verdict::foreign_site);
  EXPECT_EQ(judge(kKeyed, asked(false, "https://127.0.0.1:3000")), Verdict::open)
      << "a proxy in between may speak it";
}

TEST(Access, a_link_to_the_page_may_be_followed_but_not_framed) {
  const auto linked = [](std::string how) {
    return Asked{.fields = {{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Dest", std::move(how)}}};
  };
  EXPECT_EQ(judge(kKeyed, linked("document"), Call::page), Verdict::open);
  EXPECT_EQ(judge(kKeyed, linked("iframe"), Call::page), Verdict::foreign_site);
  EXPECT_EQ(judge(kKeyed, linked("document"), Call::status), Verdict::foreign_site);
}

TEST(Access, the_key_of_a_token_request_is_in_its_body) {
  EXPECT_EQ(judge(kKeyed, {.client = "192.0.2.1"}, Call::jwt), Verdict::open);
  EXPECT_EQ(judge(kKeyed, {.fields = {{"Origin", "http://evil.test"}}}, Call::jwt),
            Verdict::foreign_site);
}

TEST(Access, challenges_are_for_everyone) {
  EXPECT_EQ(judge(kOpen, {.client = "192.0.2.1", .host = "shop.test", .fields = {{"via", "x"}}},
                  Call::acme_challenge),
            Verdict::open);
}

}  // namespace
}  // namespace aralez
