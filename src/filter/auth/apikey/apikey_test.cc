#include "filter/auth/apikey/apikey.h"

#include "filter/auth/auth_world_test.h"

namespace aralez {
namespace {

class ApiKey : public AuthWorld {
 protected:
  ApiKey() : filter_(keys()) {}
  std::shared_ptr<const SecretSet> keys() {
    auto set = std::make_shared<SecretSet>(shared_.key());
    set->add("first");
    set->add("second");
    return set;
  }
  Verdict ask_key(std::initializer_list<std::string_view> values) {
    begin();
    for (const auto value : values)
      head_.fields.add(arena_, {"X-Api-Key", value, FieldId::x_api_key});
    return ask(filter_);
  }
  ApiKeyFilter filter_;
};

TEST_F(ApiKey, lets_in_with_any_of_the_keys) {
  EXPECT_EQ(ask_key({"first"}), Verdict::proceed);
  EXPECT_EQ(ask_key({"second"}), Verdict::proceed);
}

TEST_F(ApiKey, refuses_everything_else_with_401) {
  struct Case {
    std::vector<std::string_view> values;
    Reason reason;
  };
  for (const Case& c :
       {Case{{}, Reason::auth_missing}, Case{{"third"}, Reason::auth_wrong},
        Case{{""}, Reason::auth_wrong},  // defect 39 of behaviour section 19
        Case{{"First"}, Reason::auth_wrong}, Case{{"first", "first"}, Reason::auth_malformed},
        Case{{"first", "x"}, Reason::auth_malformed}}) {
    begin();
    for (const auto value : c.values)
      head_.fields.add(arena_, {"X-Api-Key", value, FieldId::x_api_key});
    EXPECT_EQ(ask(filter_), Verdict::replied);
    EXPECT_EQ(reply_.status, 401);
    EXPECT_EQ(reply_.reason, c.reason);
    EXPECT_EQ(challenge(), R"(ApiKey realm="aralez", header="x-api-key")");
    EXPECT_EQ(reply_.fields.find("cache-control")->value, "private, no-store");
  }
}

}  // namespace
}  // namespace aralez
