#include "base/block.h"

#include <new>

namespace aralez {
namespace {

constexpr std::size_t kLine = 64;
static_assert(sizeof(Block) <= kLine);

/// Allocators align blocks to pages, so that the first lines of all of them would compete for a few
/// cache sets. Each block therefore begins some lines further on than the one made before it; the
/// room for that is what the allocator's size class would waste anyway.
constexpr std::size_t kColours = 60;

}  // namespace

void BlockPool::Dispose::operator()(Block* b) const noexcept {
  const auto storage = std::move(b->storage);
  b->~Block();
}

BlockPool::Owned BlockPool::make(std::size_t size) {
  const std::size_t spare = size == kBlockSize ? kLine * kColours : kLine;
  const std::size_t whole = kLine + size + spare + kLine;
  auto storage = std::make_unique_for_overwrite<std::byte[]>(whole);
  void* at = storage.get() + (size == kBlockSize ? kLine * (colour_++ % kColours) : 0);
  std::size_t room = whole;
  std::align(kLine, kLine + size, at, room);
  const std::span<std::byte> bytes(static_cast<std::byte*>(at) + kLine, size);
  return Owned(new (at)
                   Block{0, static_cast<std::uint32_t>(size), this, bytes, std::move(storage)});
}

BlockRef BlockPool::take_large() {
  ++outstanding_;
  if (free_large_.empty()) return BlockRef(make(kLargeSize).release());
  Block* b = free_large_.back().release();
  free_large_.pop_back();
  return BlockRef(b);
}

BlockRef BlockPool::take_sized(std::size_t size) {
  if (size <= kBlockSize) return take();
  ++outstanding_;
  return BlockRef(make(size).release());
}

void BlockPool::recycle(Block* b) noexcept {
  Owned owned(b);
  assert(outstanding_ > 0);
  --outstanding_;
  if (owned->capacity == kBlockSize && free_.size() < keep_)
    free_.push_back(std::move(owned));
  else if (owned->capacity == kLargeSize && free_large_.size() < kLargeKept)
    free_large_.push_back(std::move(owned));
}

}  // namespace aralez
