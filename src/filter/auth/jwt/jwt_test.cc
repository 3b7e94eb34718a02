#include "filter/auth/jwt/jwt.h"

#include "filter/auth/auth_world_test.h"
#include "jwt/issue.h"

namespace aralez {
namespace {

constexpr std::string_view kSecret = "a secret of some length, thirty-two and more";

class Jwt : public AuthWorld {
 protected:
  Jwt() : source_(std::make_shared<KeySource>(set(kSecret))), filter_(source_, {}, shared_) {}
  static KeySet set(std::string_view secret) {
    KeySet keys;
    keys.push_back(TokenKey::secret(std::string(secret)));
    return keys;
  }
  std::string token(std::int64_t expires, std::string_view secret = kSecret) {
    return issue_token({.owner = "o", .expires = expires}, secret);
  }
  Verdict ask_query(std::string_view query) {
    begin();
    query_ = query;
    path_.query = query_;
    return ask(filter_);
  }
  Verdict ask_bearer(std::string text) {
    bearer_ = std::move(text);
    return ask_with(filter_, bearer_);
  }
  std::string query_;
  std::string bearer_;
  std::shared_ptr<KeySource> source_;
  JwtFilter filter_;
};

TEST_F(Jwt, takes_a_token_from_the_query_or_the_field) {
  const auto good = token(now_ + 10);
  EXPECT_EQ(ask_bearer("Bearer " + good), Verdict::proceed);
  EXPECT_EQ(ask_bearer("bEARER  " + good), Verdict::proceed);
  EXPECT_EQ(ask_query("?araleztoken=" + good), Verdict::proceed);
  EXPECT_EQ(ask_query("?a=b&araleztoken=x&%61raleztoken=" + good + "&c"), Verdict::proceed);
  std::string encoded = good;
  encoded.replace(good.find('.'), 1, "%2E");
  EXPECT_EQ(ask_query("?araleztoken=" + encoded), Verdict::proceed);
}

TEST_F(Jwt, the_query_alone_counts_when_it_has_a_token) {
  const auto good = token(now_ + 10);
  for (const auto* query : {"?araleztoken=", "?araleztoken", "?araleztoken=x"}) {
    begin();
    path_.query = query;
    const std::string field = "Bearer " + good;
    head_.fields.add(arena_, {"Authorization", field, FieldId::authorization});
    EXPECT_EQ(ask(filter_), Verdict::replied) << query;
    EXPECT_EQ(reply_.reason, Reason::auth_malformed);
  }
  EXPECT_EQ(ask_query("?araleztoken=" + good + "&araleztoken=x"), Verdict::replied);
  EXPECT_EQ(ask_query("?xaraleztoken=" + good), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_missing);
}

TEST_F(Jwt, says_what_is_wrong_as_rfc_6750_does) {
  const auto invalid = [](std::string_view what) {
    return R"(Bearer realm="aralez", error="invalid_token", error_description=")" +
           std::string(what) + "\"";
  };
  EXPECT_EQ(ask_bearer("Basic x"), Verdict::replied);
  EXPECT_EQ(reply_.status, 401);
  EXPECT_EQ(reply_.reason, Reason::auth_missing);
  EXPECT_EQ(challenge(), R"(Bearer realm="aralez")");
  EXPECT_EQ(ask_bearer("Bearer " + token(now_)), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_expired);
  EXPECT_EQ(challenge(), invalid("the token has expired"));
  EXPECT_EQ(ask_bearer("Bearer " + token(now_ + 10, "other")), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_wrong);
  EXPECT_EQ(challenge(), invalid("the signature does not fit"));
  EXPECT_EQ(ask_bearer("Bearer x"), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_malformed);
  EXPECT_EQ(ask_bearer("Bearer " + std::string(kMaxTokenBytes + 1, 'x')), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_malformed);
  EXPECT_EQ(reply_.fields.find("cache-control")->value, "private, no-store");
}

TEST_F(Jwt, remembers_a_token_until_it_expires) {
  const auto good = "Bearer " + token(now_ + 10);
  EXPECT_EQ(ask_bearer(good), Verdict::proceed);
  now_ += 9;
  EXPECT_EQ(ask_bearer(good), Verdict::proceed);
  now_ += 1;
  EXPECT_EQ(ask_bearer(good), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_expired);
}

TEST_F(Jwt, judges_anew_when_the_keys_change) {
  const auto good = "Bearer " + token(now_ + 10);
  EXPECT_EQ(ask_bearer(good), Verdict::proceed);
  source_->publish(std::make_shared<const KeySet>(set("another secret")));
  EXPECT_EQ(ask_bearer(good), Verdict::replied);
  EXPECT_EQ(ask_bearer("Bearer " + token(now_ + 10, "another secret")), Verdict::proceed);
}

TEST_F(Jwt, a_token_of_one_policy_is_not_remembered_for_another) {
  const auto good = "Bearer " + token(now_ + 10);
  EXPECT_EQ(ask_bearer(good), Verdict::proceed);
  const JwtFilter strict(source_, {.issuer = "x"}, shared_);
  EXPECT_EQ(ask_with(strict, good), Verdict::replied);
  const JwtFilter other(source_, {.audience = "x"}, shared_);
  EXPECT_EQ(ask_with(other, good), Verdict::replied);
}

TEST_F(Jwt, answers_503_while_there_are_no_keys_and_401_when_there_never_will_be) {
  const auto good = "Bearer " + token(now_ + 10);
  const JwtFilter waiting(std::make_shared<KeySource>(), {}, shared_);
  EXPECT_EQ(ask_with(waiting, good), Verdict::replied);
  EXPECT_EQ(reply_.status, 503);
  EXPECT_EQ(reply_.reason, Reason::auth_unavailable);
  const JwtFilter keyless(std::make_shared<KeySource>(KeySet()), {}, shared_);
  EXPECT_EQ(ask_with(keyless, good), Verdict::replied);
  EXPECT_EQ(reply_.status, 401);
}

}  // namespace
}  // namespace aralez
