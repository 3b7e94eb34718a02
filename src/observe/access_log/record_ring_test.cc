#include "observe/access_log/record_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace aralez {
namespace {

/// Rings are on the heap: the stack that AddressSanitizer of g++ keeps for later does not align.
bool put(RecordRing& ring, std::string_view text) {
  char* at = ring.reserve(text.size());
  if (!at) return false;
  text.copy(at, text.size());
  ring.commit();
  return true;
}

std::vector<std::string> take(RecordRing& ring) {
  std::vector<std::string> all;
  ring.drain([&all](std::string_view r) { all.emplace_back(r); });
  return all;
}

TEST(RecordRing, hands_over_whole_records_in_order) {
  const auto owned = std::make_unique<RecordRing>(64);
  RecordRing& ring = *owned;
  EXPECT_TRUE(ring.empty());
  EXPECT_TRUE(put(ring, "one"));
  EXPECT_TRUE(put(ring, ""));
  EXPECT_TRUE(put(ring, "three"));
  EXPECT_FALSE(ring.empty());
  EXPECT_EQ(take(ring), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_TRUE(ring.empty());
  EXPECT_TRUE(take(ring).empty());
}

TEST(RecordRing, has_no_room_for_more_than_its_capacity_and_gets_it_back) {
  const auto owned = std::make_unique<RecordRing>(64);
  RecordRing& ring = *owned;  // 8 bytes each
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(put(ring, "abcd")) << i;
  EXPECT_FALSE(put(ring, "abcd"));
  EXPECT_EQ(take(ring).size(), 8U);
  EXPECT_TRUE(put(ring, "abcd"));
}

TEST(RecordRing, records_of_every_size_pass_the_end_of_the_ring) {
  const auto owned = std::make_unique<RecordRing>(256);
  RecordRing& ring = *owned;
  std::vector<std::string> expected;
  std::vector<std::string> got;
  for (std::size_t i = 0; i < 2000; ++i) {
    const std::string text(i % (ring.max_record() + 1), static_cast<char>('a' + i % 26));
    while (!put(ring, text))
      for (auto& r : take(ring)) got.push_back(std::move(r));
    expected.push_back(text);
  }
  for (auto& r : take(ring)) got.push_back(std::move(r));
  EXPECT_EQ(got, expected);
}

TEST(RecordRing, a_reserved_record_that_is_not_committed_is_not_seen) {
  const auto owned = std::make_unique<RecordRing>(64);
  RecordRing& ring = *owned;
  ASSERT_NE(ring.reserve(4), nullptr);
  EXPECT_TRUE(ring.empty());
  EXPECT_TRUE(put(ring, "next"));
  EXPECT_EQ(take(ring), std::vector<std::string>{"next"});
}

TEST(RecordRing, says_when_it_is_more_than_half_full) {
  const auto owned = std::make_unique<RecordRing>(64);
  RecordRing& ring = *owned;
  for (int i = 0; i < 4; ++i) put(ring, "abcd");
  EXPECT_FALSE(ring.half_full());
  put(ring, "abcd");
  EXPECT_TRUE(ring.half_full());
  take(ring);
  EXPECT_FALSE(ring.half_full());
}

TEST(RecordRing, two_threads_lose_and_mix_nothing) {
  const auto owned = std::make_unique<RecordRing>(1024);
  RecordRing& ring = *owned;
  constexpr std::uint64_t kRecords = 50'000;
  std::jthread producer([&ring] {
    for (std::uint64_t i = 0; i < kRecords;) {
      const std::string text = std::to_string(i) + std::string(i % 90, '.');
      if (put(ring, text)) ++i;
    }
  });
  std::uint64_t next = 0;
  while (next < kRecords)
    ring.drain([&next](std::string_view r) {
      ASSERT_EQ(r, std::to_string(next) + std::string(next % 90, '.'));
      ++next;
    });
}

}  // namespace
}  // namespace aralez
