#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/prefetch.h"

namespace aralez {

class BlockPool;

/// A buffer shared by slices of it. One worker owns pool and blocks, so the count is a plain
/// integer.
struct Block {
  std::uint32_t refs = 0;
  std::uint32_t capacity = 0;
  BlockPool* pool = nullptr;
  std::span<std::byte> bytes;            ///< right behind the block itself
  std::unique_ptr<std::byte[]> storage;  ///< holds both
};

/// Counted reference to a block; the last one hands it back to its pool.
class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* b) noexcept : block_(b) {
    if (block_) ++block_->refs;
  }
  BlockRef(const BlockRef& o) noexcept : BlockRef(o.block_) {}
  BlockRef(BlockRef&& o) noexcept : block_(std::exchange(o.block_, nullptr)) {}
  BlockRef& operator=(BlockRef o) noexcept {
    std::swap(block_, o.block_);
    return *this;
  }
  ~BlockRef() { reset(); }

  inline void reset() noexcept;
  explicit operator bool() const noexcept { return block_ != nullptr; }
  Block* operator->() const noexcept { return block_; }
  [[nodiscard]] Block* get() const noexcept { return block_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return block_->bytes; }
  [[nodiscard]] bool unique() const noexcept { return block_ && block_->refs == 1; }

 private:
  Block* block_ = nullptr;
};

/// Blocks of one worker. LIFO, so the block taken next is the one whose lines are still in the
/// cache.
class BlockPool {
 public:
  /// An HTTP/2 frame and its header fit.
  static constexpr std::size_t kBlockSize = 16 * 1024 + 64;
  /// What one receive of a large body may bring.
  static constexpr std::size_t kLargeSize = 128 * 1024;

  /// At most `keep` free blocks are held back from the allocator.
  explicit BlockPool(std::size_t keep = 512) : keep_(keep) {
    free_.reserve(keep);
    free_large_.reserve(kLargeKept);
  }
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool() { assert(outstanding_ == 0); }

  [[nodiscard]] BlockRef take() {
    ++outstanding_;
    if (free_.empty()) return BlockRef(make(kBlockSize).release());
    Block* b = free_.back().release();
    free_.pop_back();
    if (!free_.empty()) prefetch(free_.back().get(), kFetched);
    return BlockRef(b);
  }
  /// A block of kLargeSize bytes. A few of them are held back too.
  [[nodiscard]] BlockRef take_large();
  /// A block of at least `size` bytes; other sizes above kBlockSize go back to the allocator when
  /// released.
  [[nodiscard]] BlockRef take_sized(std::size_t size);

  /// Blocks in use now: for tests and metrics.
  [[nodiscard]] std::size_t outstanding() const noexcept { return outstanding_; }

 private:
  friend class BlockRef;
  struct Dispose {
    void operator()(Block* b) const noexcept;
  };
  using Owned = std::unique_ptr<Block, Dispose>;

  Owned make(std::size_t size);
  void recycle(Block* b) noexcept;

  static constexpr std::size_t kFetched = 384;  ///< the block itself and a small head
  static constexpr std::size_t kLargeKept = 16;

  std::vector<Owned> free_;
  std::vector<Owned> free_large_;
  std::size_t keep_;
  std::size_t colour_ = 0;
  std::size_t outstanding_ = 0;
};

inline void BlockRef::reset() noexcept {
  if (block_ && --block_->refs == 0) block_->pool->recycle(block_);
  block_ = nullptr;
}

inline std::string_view as_text(std::span<const std::byte> b) noexcept {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}
inline std::span<const std::byte> as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

/// An immutable range of a block. Sharing copies a pointer, never a byte.
class Slice {
 public:
  Slice() = default;
  Slice(BlockRef block, std::span<const std::byte> view) noexcept
      : block_(std::move(block)), view_(view) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return view_; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(view_); }
  [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
  [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
  [[nodiscard]] const BlockRef& block() const noexcept { return block_; }
  /// Pre: offset + n <= size().
  [[nodiscard]] Slice share(std::size_t offset, std::size_t n) const {
    assert(offset + n <= view_.size());
    return {block_, view_.subspan(offset, n)};
  }
  void remove_prefix(std::size_t n) {
    assert(n <= view_.size());
    view_ = view_.subspan(n);
  }
  /// Takes in `behind` if it lies right behind this in the same block.
  [[nodiscard]] bool join(const Slice& behind) noexcept {
    if (behind.block_.get() != block_.get() || behind.view_.data() != view_.data() + view_.size())
      return false;
    view_ = {view_.data(), view_.size() + behind.view_.size()};
    return true;
  }
  void clear() noexcept {
    block_.reset();
    view_ = {};
  }

 private:
  BlockRef block_;
  std::span<const std::byte> view_;
};

}  // namespace aralez
