#pragma once

#include <algorithm>
#include <cstring>

#include "base/block.h"

namespace aralez {

/// Bytes received and not yet parsed, contiguous. Owns no block while empty, so an idle connection
/// costs none.
class ReadBuffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::string_view text() const noexcept {
    return block_ ? as_text(block_.bytes().subspan(begin_, size())) : std::string_view{};
  }

  /// Room to receive into, at least `min` bytes; moves what is unparsed when its block has no room
  /// left.
  [[nodiscard]] std::span<std::byte> space(BlockPool& pool, std::size_t min = 1024) {
    if (!block_ || block_->capacity - end_ < min) relocate(pool, size() * 2 + min);
    return block_.bytes().subspan(end_);
  }
  void commit(std::size_t n) noexcept {
    assert(block_ && end_ + n <= block_->capacity);
    end_ += static_cast<std::uint32_t>(n);
    filled_ = end_ == block_->capacity;
  }
  /// Whether the rest of a large body is read. Then a block that was filled to its end is followed
  /// by a large one: fewer receives, and as few bytes wasted, for a peer that fills a block has
  /// sent more.
  void expect_much(bool much) noexcept { much_to_come_ = much; }
  /// Drops `n` parsed bytes. Slices and views of them made through share() stay valid.
  void consume(std::size_t n) noexcept {
    assert(n <= size());
    begin_ += static_cast<std::uint32_t>(n);
  }
  /// The next `n` bytes as a slice, consumed. Pre: n <= size().
  [[nodiscard]] Slice take(std::size_t n) {
    Slice s(block_, block_.bytes().subspan(begin_, n));
    consume(n);
    return s;
  }
  /// Keeps the block alive for views into text().
  [[nodiscard]] BlockRef pin() const { return block_; }
  /// Gives the block back when nothing unparsed is in it.
  void release_if_empty() noexcept {
    if (begin_ == end_) {
      block_.reset();
      begin_ = end_ = 0;
    }
  }
  /// Between two receives of one message. A block that slices still need is kept, and the next
  /// bytes come to lie behind theirs: what comes in drops must not pin a block for each drop.
  void release_if_unused() noexcept {
    if (begin_ == end_ && block_.unique()) release_if_empty();
  }
  void clear() noexcept {
    begin_ = end_;
    release_if_empty();
  }

 private:
  void relocate(BlockPool& pool, std::size_t need) {
    const bool large = filled_ && much_to_come_ && need <= BlockPool::kLargeSize;
    BlockRef next = large ? pool.take_large() : pool.take_sized(need);
    const auto rest = text();
    if (!rest.empty()) std::memcpy(next.bytes().data(), rest.data(), rest.size());
    end_ = static_cast<std::uint32_t>(rest.size());
    begin_ = 0;
    block_ = std::move(next);
  }

  BlockRef block_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  bool much_to_come_ = false;
  bool filled_ = false;  ///< by the last commit
};

}  // namespace aralez
