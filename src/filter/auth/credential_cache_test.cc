#include "filter/auth/credential_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "filter/auth/secret_set.h"

namespace aralez {
namespace {

Sha256 digest(std::size_t i) {
  return sha256({std::to_string(i)});
}

TEST(CredentialCache, knows_what_was_added_until_its_end) {
  CredentialCache cache;
  EXPECT_FALSE(cache.knows(digest(1), 100));
  cache.add(digest(1), 200, 100);
  EXPECT_TRUE(cache.knows(digest(1), 199));
  EXPECT_FALSE(cache.knows(digest(1), 200));
  EXPECT_FALSE(cache.knows(digest(2), 100));
  cache.add(digest(1), 300, 199);
  EXPECT_TRUE(cache.knows(digest(1), 299));
}

TEST(CredentialCache, holds_no_more_than_it_has_room_for_and_keeps_what_is_used) {
  CredentialCache cache;
  cache.add(digest(0), 1'000'000, 1);
  for (std::size_t i = 1; i < 4 * CredentialCache::kEntries; ++i) {
    const auto now = static_cast<std::int64_t>(i) + 1;
    cache.add(digest(i), 1'000'000, now);
    if (i % 1000 == 0) {
      ASSERT_TRUE(cache.knows(digest(0), now)) << i;
    }
  }
  EXPECT_TRUE(cache.knows(digest(4 * CredentialCache::kEntries - 1), 900'000));
  EXPECT_FALSE(cache.knows(digest(1), 900'000));
}

TEST(SecretSet, contains_what_was_added_alone) {
  SecretSet set("key");
  EXPECT_FALSE(set.contains(""));
  set.add("one");
  set.add("two");
  set.add("two");
  EXPECT_TRUE(set.contains("one"));
  EXPECT_TRUE(set.contains("two"));
  for (const auto* other : {"", "on", "onee", "ONE", "onetwo"}) EXPECT_FALSE(set.contains(other));
  EXPECT_EQ(set.size(), 2U);
}

}  // namespace
}  // namespace aralez
