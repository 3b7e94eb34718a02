#include "base/arena.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(Arena, takes_no_block_for_the_first_bytes) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.allocate(1000).size(), 1000U);
  EXPECT_EQ(pool.outstanding(), 0U);
  EXPECT_EQ(arena.allocate(1000).size(), 1000U);
  EXPECT_EQ(pool.outstanding(), 1U);
}

TEST(Arena, gives_pieces_that_do_not_overlap_across_blocks) {
  BlockPool pool;
  Arena arena(pool);
  std::vector<std::string_view> kept;
  for (int i = 0; i < 5000; ++i) kept.push_back(arena.copy("text " + std::to_string(i)));
  for (int i = 0; i < 5000; ++i)
    ASSERT_EQ(kept[static_cast<std::size_t>(i)], "text " + std::to_string(i));
}

TEST(Arena, serves_pieces_larger_than_a_block) {
  BlockPool pool;
  Arena arena(pool);
  const auto small = arena.copy("small");
  const auto large = arena.allocate(100'000);
  std::fill(large.begin(), large.end(), std::byte{0x7f});
  EXPECT_EQ(small, "small");
  EXPECT_EQ(large.size(), 100'000U);
}

TEST(Arena, aligns_arrays_wherever_it_stands) {
  struct alignas(64) Wide {
    std::uint64_t value;
  };
  BlockPool pool;
  Arena arena(pool);
  for (std::size_t odd = 1; odd < 200; ++odd) {
    (void)arena.allocate(odd);
    const auto numbers = arena.array<std::uint64_t>(odd % 7 + 1, {});
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % alignof(std::uint64_t), 0U);
  }
  (void)arena.allocate(BlockPool::kBlockSize - 1);
  const auto wide = arena.array<std::max_align_t>(700, {});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.data()) % alignof(std::max_align_t), 0U);
}

TEST(Arena, joins_parts_and_keeps_nothing_of_nothing) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.join({"a", "", "bc"}), "abc");
  EXPECT_EQ(arena.join({}), "");
  EXPECT_EQ(arena.copy(""), "");
}

TEST(Arena, gives_its_blocks_back_when_cleared) {
  BlockPool pool;
  Arena arena(pool);
  for (int i = 0; i < 10; ++i) (void)arena.allocate(10'000);
  EXPECT_GT(pool.outstanding(), 0U);
  arena.clear();
  EXPECT_EQ(pool.outstanding(), 0U);
  EXPECT_EQ(arena.copy("again"), "again");
  EXPECT_EQ(pool.outstanding(), 0U);
}

}  // namespace
}  // namespace aralez
