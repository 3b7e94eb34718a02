#include "base/chain.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

namespace aralez {
namespace {

class Chains : public ::testing::Test {
 protected:
  Piece piece(std::string_view text) {
    BlockRef block = pool_.take_sized(text.size());
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(block.bytes().data()));
    const auto bytes = block.bytes().first(text.size());
    return Piece(Slice(std::move(block), bytes));
  }
  static std::string text(const Chain& chain) {
    std::string out;
    for (std::size_t i = 0; i < chain.count(); ++i) out += chain[i].slice().text();
    return out;
  }
  BlockPool pool_;
};

TEST_F(Chains, give_pieces_in_the_order_they_came) {
  Chain chain;
  for (const auto* t : {"a", "bc", "d", "ef", "g"}) chain.push_back(piece(t));
  EXPECT_EQ(chain.count(), 5U);
  EXPECT_EQ(chain.bytes(), 7U);
  EXPECT_EQ(text(chain), "abcdefg");
  EXPECT_EQ(chain.back().slice().text(), "g");
}

TEST_F(Chains, behave_like_a_queue_over_long_use) {
  std::mt19937 random(7);
  Chain chain;
  std::deque<std::string> model;
  for (int i = 0; i < 20'000; ++i) {
    // Grows and shrinks in waves, so that it is compacted with pieces left in it.
    const bool grow = random() % 100 < (i / 2000 % 2 == 0 ? 60U : 40U);
    if (grow) {
      model.push_back(std::to_string(i));
      chain.push_back(piece(model.back()));
    } else if (!model.empty()) {
      ASSERT_EQ(chain.front().slice().text(), model.front());
      chain.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(chain.count(), model.size());
    if (!model.empty()) {
      ASSERT_EQ(chain.back().slice().text(), model.back());
    }
  }
  for (std::size_t i = 0; i < model.size(); ++i) ASSERT_EQ(chain[i].slice().text(), model[i]);
}

TEST_F(Chains, make_one_piece_of_what_lies_side_by_side) {
  Piece whole = piece("abcdef");
  const Slice& all = whole.slice();
  Chain chain;
  chain.push_back(Piece(all.share(0, 2)));
  chain.push_back(Piece(all.share(2, 1)).with_credit(7));
  EXPECT_EQ(chain.count(), 1U);
  EXPECT_EQ(chain.back().credit(), 9U);
  chain.push_back(Piece(all.share(4, 2)));  // a gap
  chain.push_back(piece("gh"));             // another block
  EXPECT_EQ(chain.count(), 3U);
  EXPECT_EQ(text(chain), "abcefgh");
}

TEST_F(Chains, let_go_of_a_block_as_soon_as_its_piece_is_through) {
  Chain chain;
  for (int i = 0; i < 4; ++i) chain.push_back(piece("x"));
  for (std::size_t left = 4; left > 0; --left) {
    EXPECT_EQ(pool_.outstanding(), left);
    chain.pop_front();
  }
  EXPECT_EQ(pool_.outstanding(), 0U);
}

TEST_F(Chains, are_empty_when_moved_from_and_can_be_used_again) {
  for (const int n : {1, 2, 5}) {
    Chain a;
    for (int i = 0; i < n; ++i) a.push_back(piece("ab"));
    Chain b(std::move(a));
    EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what is tested
    a.push_back(piece("new"));
    Chain c;
    c.push_back(piece("old"));
    c = std::move(b);
    EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move): what is tested
    EXPECT_EQ(c.bytes(), static_cast<std::uint64_t>(2 * n));
    EXPECT_EQ(text(a), "new");
  }
  EXPECT_EQ(pool_.outstanding(), 0U);
}

TEST_F(Chains, append_moves_everything_behind_what_is_there) {
  Chain a;
  Chain b;
  for (const auto* t : {"a", "b", "c"}) a.push_back(piece(t));
  for (const auto* t : {"d", "e", "f"}) b.push_back(piece(t));
  b.pop_front();
  a.append(std::move(b));
  EXPECT_EQ(text(a), "abcef");
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move): what is tested
}

TEST_F(Chains, a_piece_keeps_its_credit_when_its_front_leaves) {
  Piece p = piece("hello");
  EXPECT_EQ(p.credit(), 5U);
  p.with_credit(9).remove_prefix(3);
  EXPECT_EQ(p.size(), 2U);
  EXPECT_EQ(p.slice().text(), "lo");
  EXPECT_EQ(p.credit(), 9U);
}

class Counted final : public KernelBytes {
 public:
  explicit Counted(int& released) : KernelBytes(-1), released_(released) {}
  void consumed(std::size_t) override {}

 private:
  void release() noexcept override {
    ++released_;
    delete this;
  }
  int& released_;
};

TEST(KernelRef, releases_once_with_the_last_reference) {
  int released = 0;
  {
    KernelRef a(new Counted(released));
    KernelRef b = a;
    a = KernelRef();
    EXPECT_EQ(released, 0);
    Chain chain;
    chain.push_back(Piece::file(std::move(b), 10, 100));
    chain.push_back(Piece::file(chain.front().kernel(), 110, 5));
    chain.front().remove_prefix(30);
    EXPECT_EQ(chain.front().offset(), 40U);
    EXPECT_EQ(chain.front().size(), 70U);
    chain.pop_front();
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace aralez
