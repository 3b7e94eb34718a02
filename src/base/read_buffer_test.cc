#include "base/read_buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/chain.h"

namespace aralez {
namespace {

void receive(ReadBuffer& in, BlockPool& pool, std::string_view text, std::size_t min = 1024) {
  while (!text.empty()) {
    const auto room = in.space(pool, min);
    const std::size_t n = std::min(room.size(), text.size());
    std::memcpy(room.data(), text.data(), n);
    in.commit(n);
    text.remove_prefix(n);
  }
}

TEST(ReadBuffer, owns_no_block_while_empty) {
  BlockPool pool;
  ReadBuffer in;
  in.release_if_empty();
  EXPECT_EQ(in.text(), "");
  receive(in, pool, "abc");
  in.release_if_empty();
  EXPECT_EQ(in.text(), "abc") << "not empty, so kept";
  in.consume(3);
  EXPECT_EQ(pool.outstanding(), 1U);
  in.release_if_empty();
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(ReadBuffer, always_has_the_room_that_was_asked_for) {
  BlockPool pool;
  ReadBuffer in;
  for (const std::size_t min : {1UL, 1024UL, 20'000UL, 100'000UL}) {
    EXPECT_GE(in.space(pool, min).size(), min);
    receive(in, pool, "x");
  }
  EXPECT_EQ(in.text(), "xxxx");
}

TEST(ReadBuffer, stays_contiguous_over_any_pattern_of_use) {
  std::mt19937 random(3);
  BlockPool pool;
  ReadBuffer in;
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    std::string more(random() % 3000, static_cast<char>('a' + i % 26));
    if (model.size() < 60'000) {
      receive(in, pool, more, random() % 2000 + 1);
      model += more;
    }
    const std::size_t n = model.empty() ? 0 : random() % model.size();
    if (random() % 2 == 0) {
      in.consume(n);
    } else {
      EXPECT_EQ(in.take(n).text(), std::string_view(model).substr(0, n));
    }
    model.erase(0, n);
    ASSERT_EQ(in.text(), model);
  }
}

TEST(ReadBuffer, leaves_slices_and_pinned_views_alone_when_more_comes) {
  BlockPool pool;
  ReadBuffer in;
  receive(in, pool, "head body");
  const std::string_view head = in.text().substr(0, 4);
  const BlockRef pin = in.pin();
  in.consume(5);
  const Slice body = in.take(4);
  in.release_if_empty();
  receive(in, pool, std::string(50'000, 'x'));
  EXPECT_EQ(head, "head");
  EXPECT_EQ(body.text(), "body");
  EXPECT_EQ(in.size(), 50'000U);
}

TEST(ReadBuffer, receives_drops_behind_each_other_while_slices_need_the_block) {
  BlockPool pool;
  ReadBuffer in;
  Chain held;
  for (int i = 0; i < 1000; ++i) {
    receive(in, pool, "x");
    held.push_back(Piece(in.take(1)));
    in.release_if_unused();
  }
  EXPECT_EQ(pool.outstanding(), 1U);
  EXPECT_EQ(held.count(), 1U) << "they lie side by side";
  EXPECT_EQ(held.bytes(), 1000U);
  held.clear();
  in.release_if_unused();
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(ReadBuffer, takes_a_large_block_behind_a_full_one_when_much_is_to_come) {
  BlockPool pool;
  ReadBuffer in;
  in.expect_much(true);
  ASSERT_EQ(in.space(pool).size(), BlockPool::kBlockSize) << "nothing says yet that much is here";
  receive(in, pool, std::string(BlockPool::kBlockSize, 'a'));
  const Slice first = in.take(BlockPool::kBlockSize);
  EXPECT_EQ(in.space(pool).size(), BlockPool::kLargeSize);
  receive(in, pool, "not full");
  static_cast<void>(in.take(8));
  in.release_if_empty();
  EXPECT_EQ(in.space(pool).size(), BlockPool::kBlockSize);
}

TEST(ReadBuffer, keeps_to_usual_blocks_when_little_is_to_come) {
  BlockPool pool;
  ReadBuffer in;
  receive(in, pool, std::string(BlockPool::kBlockSize, 'a'));
  static_cast<void>(in.take(BlockPool::kBlockSize));
  in.release_if_empty();
  EXPECT_EQ(in.space(pool).size(), BlockPool::kBlockSize);
}

TEST(ReadBuffer, forgets_everything_when_cleared) {
  BlockPool pool;
  ReadBuffer in;
  receive(in, pool, "abc");
  in.clear();
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(pool.outstanding(), 0U);
}

}  // namespace
}  // namespace aralez
