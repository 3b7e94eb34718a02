#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace aralez {

/// Records on their way from one thread to one other: whole ones, in order, in a ring of bytes.
/// Neither side waits for the other; what finds no room is the producer's to drop.
class RecordRing {
 public:
  /// `capacity`: a power of two, bytes. A record may have a quarter of it.
  explicit RecordRing(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {
    assert(std::has_single_bit(capacity) && capacity >= 4 * kAlign);
  }

  [[nodiscard]] std::size_t max_record() const noexcept { return capacity_ / 4 - kAlign; }

  /// Producer: where to put a record of `size` bytes, or null. Pre: size <= max_record().
  [[nodiscard]] char* reserve(std::size_t size) noexcept {
    const std::size_t need = space_for(size);
    const std::size_t at = head_ & (capacity_ - 1);
    const std::size_t skip = capacity_ - at < need ? capacity_ - at : 0;
    if (!has_room(skip + need)) return nullptr;
    if (skip != 0) put_size(at, kSkip);
    next_ = head_ + skip + need;
    const std::size_t start = (head_ + skip) & (capacity_ - 1);
    put_size(start, static_cast<std::uint32_t>(size));
    return bytes_.get() + start + sizeof(std::uint32_t);
  }
  /// Producer: the record of the last reserve() is complete.
  void commit() noexcept {
    head_ = next_;
    published_.store(head_, std::memory_order_release);
  }
  /// Producer: the other side should not take its time.
  [[nodiscard]] bool half_full() noexcept {
    if (head_ - tail_seen_ <= capacity_ / 2) return false;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return head_ - tail_seen_ > capacity_ / 2;
  }

  /// Consumer: hands over what is there now, each record as a view for the call, and frees its
  /// room. Returns how many there were.
  template <class Receive>
  std::size_t drain(Receive&& receive) {
    std::size_t records = 0;
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t end = published_.load(std::memory_order_acquire);
    while (tail != end) {
      const std::size_t at = tail & (capacity_ - 1);
      const std::uint32_t size = size_at(at);
      if (size == kSkip) {
        tail += capacity_ - at;
        continue;
      }
      receive(std::string_view(bytes_.get() + at + sizeof size, size));
      ++records;
      tail += space_for(size);
      tail_.store(tail, std::memory_order_release);
    }
    return records;
  }
  /// Consumer.
  [[nodiscard]] bool empty() const noexcept {
    return published_.load(std::memory_order_acquire) == tail_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kAlign = 8;
  static constexpr std::uint32_t kSkip = 0xffffffff;  ///< the rest up to the end of the ring

  static constexpr std::size_t space_for(std::size_t size) noexcept {
    return (size + sizeof(std::uint32_t) + kAlign - 1) & ~(kAlign - 1);
  }
  [[nodiscard]] bool has_room(std::size_t need) noexcept {
    if (head_ + need - tail_seen_ <= capacity_) return true;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return head_ + need - tail_seen_ <= capacity_;
  }
  void put_size(std::size_t at, std::uint32_t size) noexcept {
    std::memcpy(bytes_.get() + at, &size, sizeof size);
  }
  [[nodiscard]] std::uint32_t size_at(std::size_t at) const noexcept {
    std::uint32_t size;
    std::memcpy(&size, bytes_.get() + at, sizeof size);
    return size;
  }

  const std::unique_ptr<char[]> bytes_;
  const std::size_t capacity_;
  // Positions only grow; a ring index is a position modulo capacity. The producer's own line:
  alignas(64) std::size_t head_ = 0;
  std::size_t next_ = 0;
  std::size_t tail_seen_ = 0;
  std::atomic<std::size_t> published_{0};
  // The consumer's:
  alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace aralez
