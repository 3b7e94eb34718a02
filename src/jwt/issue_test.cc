#include "jwt/issue.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

constexpr std::int64_t kNow = 1'600'000'000;

TokenAnswer ask(std::string_view body, std::string_view type = "application/json",
                std::string_view key = "k3y") {
  return answer_token_request(type, body, key, kNow);
}

// The tokens were made by another implementation (Python's hmac).
TEST(TokenIssue, gives_the_token_of_the_reference_byte_for_byte) {
  const auto plain = ask(R"({"master_key":"k3y","owner":"ops","exp":10})");
  EXPECT_EQ(plain.status, 201);
  EXPECT_EQ(plain.content_type, "application/json");
  constexpr auto kToken =
      R"({"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.)"
      "eyJtYXN0ZXJfa2V5IjoiIiwib3duZXIiOiJvcHMiLCJleHAiOjE2MDAwMDA2MDAsInJhbmRvbSI6bnVsbH0."
      R"(587xSUJ0cFPZeQ4eRrsDypiWG2gCAXRVeBM3OzCkm6g"})";
  EXPECT_EQ(plain.body, kToken);
  EXPECT_EQ(ask(R"({"master_key":"k3y","owner":"ops","valid":10,"random":null})").body, kToken);
  EXPECT_EQ(ask(R"({"exp":10,"unknown":[1,{}],"owner":"ops","master_key":"k3y"})").body, kToken);
  EXPECT_EQ(
      ask("{\"master_key\":\"k3y\",\"owner\":\"a\\\"b\\u00fc\",\"exp\":10,\"random\":\"r\"}").body,
      R"({"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.)"
      "eyJtYXN0ZXJfa2V5IjoiIiwib3duZXIiOiJhXCJiw7wiLCJleHAiOjE2MDAwMDA2MDAsInJhbmRvbSI6InIifQ."
      R"(N8SEZWnpkzHCUPtL5rp_sfz2kkDBGIxoquvr2qx0tSE"})");
}

TEST(TokenIssue, refuses_a_wrong_key_and_having_none) {
  const auto wrong = ask(R"({"master_key":"other","owner":"ops","exp":10})");
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(wrong.body, R"({"token":"Unauthorised"})");
  const auto none = ask(R"({"master_key":"","owner":"ops","exp":10})", "application/json", "");
  EXPECT_EQ(none.status, 500);
  EXPECT_EQ(none.body, R"({"token":"ERROR Getting JWT_KEY environment variable"})");
}

TEST(TokenIssue, says_what_is_wrong_with_the_request) {
  constexpr std::string_view kGood = R"({"master_key":"k3y","owner":"ops","exp":10})";
  for (const auto* type : {"text/plain", "", "application/jsonx", "application", "json"}) {
    EXPECT_EQ(ask(kGood, type).status, 415) << type;
    EXPECT_EQ(ask(kGood, type).content_type, "text/plain; charset=utf-8");
  }
  for (const auto* type :
       {"application/json; charset=utf-8", "Application/JSON", "application/ld+json"})
    EXPECT_EQ(ask(kGood, type).status, 201) << type;
  for (const auto* body : {"", "{", "{\"a\":}", "{} x", "\xff"})
    EXPECT_EQ(ask(body).status, 400) << body;
  for (const auto* body :
       {"[]", "1", "null", "{}", R"({"master_key":"k3y","owner":"ops"})",
        R"({"master_key":"k3y","owner":"ops","exp":"10"})",
        R"({"master_key":"k3y","owner":"ops","exp":-1})",
        R"({"master_key":"k3y","owner":"ops","exp":1.5})", R"({"owner":"ops","exp":10})",
        R"({"master_key":"k3y","owner":1,"exp":10})",
        R"({"master_key":"k3y","owner":"ops","exp":10,"random":1})",
        R"({"master_key":"x","master_key":"k3y","owner":"ops","exp":10})"}) {
    EXPECT_EQ(ask(body).status, 422) << body;
    EXPECT_EQ(ask(body).content_type, "text/plain; charset=utf-8");
  }
}

// Defect 35 of behaviour section 19.
TEST(TokenIssue, survives_an_expiry_beyond_all_numbers) {
  for (const auto* minutes : {"18446744073709551615", "307445734561825861", "9223372036854775807"})
    EXPECT_EQ(ask(std::string(R"({"master_key":"k3y","owner":"o","exp":)") + minutes + "}").status,
              422)
        << minutes;
  EXPECT_EQ(ask(R"({"master_key":"k3y","owner":"o","exp":99999999999999999999999})").status, 422);
  EXPECT_EQ(ask(R"({"master_key":"k3y","owner":"o","exp":1e999})").status, 400);
}

}  // namespace
}  // namespace aralez
