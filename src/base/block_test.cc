#include "base/block.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

Slice slice_of(BlockPool& pool, std::string_view text) {
  BlockRef block = pool.take_sized(text.size());
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(block.bytes().data()));
  const auto bytes = block.bytes().first(text.size());
  return {std::move(block), bytes};
}

TEST(BlockPool, hands_out_the_block_that_came_back_last) {
  BlockPool pool;
  BlockRef a = pool.take();
  BlockRef b = pool.take();
  const Block* last = a.get();
  b.reset();
  a.reset();
  EXPECT_EQ(pool.outstanding(), 0U);
  EXPECT_EQ(pool.take().get(), last);
}

TEST(BlockPool, gets_a_block_back_with_its_last_reference) {
  BlockPool pool;
  BlockRef a = pool.take();
  EXPECT_TRUE(a.unique());
  BlockRef b = a;
  EXPECT_FALSE(a.unique());
  a = BlockRef();
  EXPECT_EQ(pool.outstanding(), 1U);
  BlockRef c = std::move(b);
  EXPECT_FALSE(b);  // NOLINT(bugprone-use-after-move): a moved-from reference holds nothing
  c.reset();
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(BlockPool, keeps_a_few_large_blocks) {
  BlockPool pool;
  std::vector<BlockRef> taken;
  for (int i = 0; i < 40; ++i) taken.push_back(pool.take_large());
  EXPECT_EQ(taken.back()->capacity, BlockPool::kLargeSize);
  const Block* kept = taken.back().get();
  taken.pop_back();
  EXPECT_EQ(pool.outstanding(), 39U);
  EXPECT_EQ(pool.take_large().get(), kept);
  taken.clear();
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(BlockPool, serves_sizes_above_a_block_and_does_not_keep_them) {
  BlockPool pool;
  const std::size_t large = BlockPool::kBlockSize * 3 + 1;
  EXPECT_GE(pool.take_sized(large).bytes().size(), large);
  EXPECT_EQ(pool.outstanding(), 0U);
  EXPECT_EQ(pool.take().bytes().size(), BlockPool::kBlockSize);
  EXPECT_EQ(pool.take_sized(1).bytes().size(), BlockPool::kBlockSize);
}

TEST(BlockPool, may_keep_nothing) {
  BlockPool pool(0);
  {
    const BlockRef a = pool.take();
  }
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(BlockRef, survives_assignment_to_itself) {
  BlockPool pool;
  BlockRef a = pool.take();
  const BlockRef& same = a;
  a = same;
  EXPECT_TRUE(a.unique());
}

TEST(Slice, shares_the_block_and_not_the_bytes) {
  BlockPool pool;
  Slice whole = slice_of(pool, "hello world");
  const Slice part = whole.share(6, 5);
  EXPECT_EQ(part.text(), "world");
  EXPECT_EQ(part.bytes().data(), whole.bytes().data() + 6);
  whole.remove_prefix(4);
  EXPECT_EQ(whole.text(), "o world");
  whole = Slice();
  EXPECT_EQ(part.text(), "world") << "the part keeps the block";
  EXPECT_EQ(pool.outstanding(), 1U);
}

}  // namespace
}  // namespace aralez
