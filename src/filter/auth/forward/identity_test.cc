#include "filter/auth/forward/identity.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

class Identity : public ::testing::Test {
 protected:
  static Field field(std::string_view name) { return {name, "v", field_id(name)}; }
  /// What is left of these names.
  std::string left(const IdentityFields& identity, std::initializer_list<std::string_view> names) {
    Fields fields;
    for (const auto name : names) fields.add(arena_, field(name));
    identity.strip(fields);
    std::string out;
    for (const Field& f : fields) out.append(out.empty() ? "" : " ").append(f.name);
    return out;
  }
  BlockPool pool_;
  Arena arena_{pool_};
  const IdentityFields any_{{}};
};

TEST_F(Identity, takes_out_whatever_the_server_could_set) {
  EXPECT_EQ(left(any_, {"Remote-User", "REMOTE-GROUPS", "X-Auth-Request-Email", "x-forwarded-user",
                        "X-Forwarded-Uri", "X-WebAuth-User", "X-Team", "Location", "Locator",
                        "X-Amzn-Oidc-Data", "X-MS-Client-Principal", "X-Request-Identity", "X-"}),
            "");
}

TEST_F(Identity, leaves_what_is_not_of_persons) {
  EXPECT_EQ(left(any_, {"Host", "Cookie", "Authorization", "Accept", "X-Requested-With",
                        "X-CSRF-Token", "X-CSRFToken", "X-XSRF-TOKEN", "X-Api-Key", "X-Request-Id",
                        "X-B3-TraceId", "X-HTTP-Method-Override", "Remote", "XRemote-User"}),
            "Host Cookie Authorization Accept X-Requested-With X-CSRF-Token X-CSRFToken "
            "X-XSRF-TOKEN X-Api-Key X-Request-Id X-B3-TraceId X-HTTP-Method-Override Remote "
            "XRemote-User");
}

TEST_F(Identity, leaves_what_the_proxy_says_itself_to_the_filter_that_says_it) {
  EXPECT_EQ(left(any_, {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP",
                        "Forwarded"}),
            "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Real-IP Forwarded");
  for (const auto* name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"})
    EXPECT_FALSE(any_.sets(field(name))) << name;
}

TEST_F(Identity, the_servers_fields_are_known_by_their_beginning) {
  for (const auto* name : {"X-A", "x-requested-with", "Remote-User", "remote-", "Location"})
    EXPECT_TRUE(any_.sets(field(name))) << name;
  for (const auto* name : {"Remote", "Set-Cookie", "Host", "Loca", "X"})
    EXPECT_FALSE(any_.sets(field(name))) << name;
}

TEST_F(Identity, names_make_it_exact) {
  const IdentityFields named({"X-Team", "Userid"});
  EXPECT_TRUE(named.sets(field("x-team")));
  EXPECT_TRUE(named.sets(field("UserID")));
  EXPECT_FALSE(named.sets(field("X-Other")));
  EXPECT_EQ(left(named, {"X-TEAM", "userid", "X-Other", "X-Tenant", "Remote-User",
                         "X-Auth-Request-User", "X-Forwarded-User", "X-Forwarded-For"}),
            "X-Other X-Tenant X-Forwarded-For");
}

TEST_F(Identity, names_that_are_nobodys_to_set_are_refused) {
  for (const auto* name : {"Host", "content-length", "Transfer-Encoding", "Connection",
                           "X-Forwarded-For", "X-Real-IP", "", "a b", "a:"})
    EXPECT_NE(complaint_of_identity(name), "") << name;
  EXPECT_EQ(complaint_of_identity("Remote-User"), "");
}

}  // namespace
}  // namespace aralez
