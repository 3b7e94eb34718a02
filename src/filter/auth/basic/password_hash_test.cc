#include "filter/auth/basic/password_hash.h"

#include <gtest/gtest.h>

#include <array>

namespace aralez {
namespace {

constexpr auto kGood = std::to_array<const char*>(
    {"$2b$04$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC",
     "$2y$04$t/nDdkJ3pxpX8.5CVG6Gp.X/jPA65p2g6z8dWWQI6.1wOgrvt0aJG",
     "$2a$04$t/nDdkJ3pxpX8.5CVG6Gp.X/jPA65p2g6z8dWWQI6.1wOgrvt0aJG",
     "$5$rounds=1000$pIIZ8VVDGXuvnNP7$ALNJygyv58V.q7V4xIHupyXolzAHyKSTewhFie1KwY3",
     "$6$rounds=1000$ruK42rhhSI7je88K$XDfImt/UwPJ3J3CS/cciY9vRh6c79Zjzc/6956j3L.19/"
     "s4NPGaNim40kF/7oWcFldNTzLoaU1JROKoMDi3WZ1",
     "$6$pIBpdb1C/j5fPVJe$NNy6ofmhCfI4By8LG7ezd.iYzFy1hR9OBjRHuyYxnAupoNoMkxE7Xj1M8d9NP8mrZaVjXA35"
     "6GjD/SBewg879."});

TEST(PasswordHash, knows_bcrypt_and_sha_crypt) {
  for (const std::string hash : kGood) {
    EXPECT_EQ(password_kind(hash), PasswordKind::hash) << hash;
    EXPECT_TRUE(fits_hash("s3cret", hash)) << hash;
    EXPECT_FALSE(fits_hash("s3cre", hash)) << hash;
    EXPECT_FALSE(fits_hash("", hash)) << hash;
  }
}

TEST(PasswordHash, that_is_strange_or_damaged_is_no_password) {
  for (const std::string hash : kGood) {
    EXPECT_EQ(password_kind(hash + "x"), PasswordKind::strange) << hash;
    EXPECT_EQ(password_kind(hash.substr(0, hash.size() - 1)), PasswordKind::strange) << hash;
  }
  for (const auto* strange :
       {"$1$salt$hash", "$apr1$salt$hash", "$y$j9T$salt$hash", "$argon2id$v=19$m=1,t=1,p=1$a$b",
        "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "{SSHA}x", "$2b$", "$2b$xx$7ywv", "$5$", "$6$salt",
        "$2b$03$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC",
        "$2x$04$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC",
        "$5$rounds=999$pIIZ8VVDGXuvnNP7$ALNJygyv58V.q7V4xIHupyXolzAHyKSTewhFie1KwY3"})
    EXPECT_EQ(password_kind(strange), PasswordKind::strange) << strange;
  for (const auto* plain :
       {"s3cret", "$ecret", "a$b$c", "{", "{}", "$$", "pa$$word", "{not a hash}"})
    EXPECT_EQ(password_kind(plain), PasswordKind::plain) << plain;
}

TEST(PasswordHash, must_not_take_forever) {
  EXPECT_EQ(password_kind("$2b$15$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC"),
            PasswordKind::slow);
  EXPECT_EQ(password_kind(
                "$5$rounds=500001$pIIZ8VVDGXuvnNP7$ALNJygyv58V.q7V4xIHupyXolzAHyKSTewhFie1KwY3"),
            PasswordKind::slow);
}

}  // namespace
}  // namespace aralez
