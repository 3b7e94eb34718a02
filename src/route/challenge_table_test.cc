#include "route/challenge_table.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(ChallengeTable, knows_a_token_as_long_as_its_order_is_under_way) {
  ChallengeTable table;
  EXPECT_FALSE(table.is_met("/.well-known/acme-challenge/one"));
  {
    const ChallengeTable::Met one(table, "one", "one.print");
    const ChallengeTable::Met two(table, "two", "two.print");
    EXPECT_EQ(table.answer("one"), "one.print");
    EXPECT_EQ(table.answer("two"), "two.print");
    EXPECT_EQ(table.answer("On"), std::nullopt);
  }
  EXPECT_EQ(table.answer("one"), std::nullopt);
}

TEST(ChallengeTable, takes_one_spelling_of_its_path) {
  ChallengeTable table;
  const ChallengeTable::Met met(table, "token", "answer");
  EXPECT_TRUE(table.is_met("/.well-known/acme-challenge/token"));
  for (const char* other :
       {"", "/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge",
        "/.well-known/acme-challenge/token/", "/.well-known/acme-challenge/token?x",
        "/.well-known/acme-challenge//token", "//.well-known/acme-challenge/token",
        "/.well-known/acme-challenge/toke%6e", "/%2ewell-known/acme-challenge/token",
        "/.well-known/acme-challenge/token/../../../admin", "/x/.well-known/acme-challenge/token",
        "/.WELL-KNOWN/acme-challenge/token", "/.well-known/acme-challenge/tokenx"})
    EXPECT_FALSE(table.is_met(other)) << other;
}

}  // namespace
}  // namespace aralez
