#include "base/block.h"

namespace aralez {

Block* BlockPool::make(std::size_t size) {
  auto b = std::make_unique<Block>();
  b->capacity = static_cast<std::uint32_t>(size);
  b->pool = this;
  b->bytes = std::make_unique_for_overwrite<std::byte[]>(size);
  return b.release();
}

BlockRef BlockPool::take_sized(std::size_t size) {
  if (size <= kBlockSize) return take();
  ++outstanding_;
  return BlockRef(make(size));
}

void BlockPool::recycle(Block* b) noexcept {
  std::unique_ptr<Block> owned(b);
  assert(outstanding_ > 0);
  --outstanding_;
  if (owned->capacity == kBlockSize && free_.size() < keep_) free_.push_back(std::move(owned));
}

}  // namespace aralez
