#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "codec/h2/mux_stream.h"

namespace aralez::h2 {

/// The streams of one session by their ids, and how those that left it have ended, of each bucket
/// the last one. Owns none of them.
class StreamTable {
 public:
  /// How a stream that has left the table was ended.
  enum class Ended : std::uint8_t { unknown, complete, reset_by_peer, reset_by_us };

  [[nodiscard]] MuxStream* find(std::uint32_t id) const noexcept {
    for (MuxStream* s = buckets_[bucket_of(id)]; s; s = s->next)
      if (s->id == id) return s;
    return nullptr;
  }
  /// Pre: none with its id is here.
  void add(MuxStream& s) noexcept {
    MuxStream*& bucket = buckets_[bucket_of(s.id)];
    s.next = std::exchange(bucket, &s);
    ++count_;
  }
  /// Pre: it is here.
  void remove(MuxStream& s) noexcept {
    MuxStream** at = &buckets_[bucket_of(s.id)];
    while (*at != &s) at = &(*at)->next;
    *at = s.next;
    --count_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// `fn` may take any stream out. It may be called with one that it has taken out before.
  template <class Fn>
  void for_each(Fn&& fn) {
    for (MuxStream* s : buckets_) {
      while (s) {
        MuxStream* const next = s->next;
        fn(*s);
        s = next;
      }
    }
  }
  /// Pre: `fn` takes its stream out. It may take out others as well.
  template <class Fn>
  void empty(Fn&& fn) {
    for (MuxStream*& bucket : buckets_)
      while (bucket) fn(*bucket);
  }

  [[nodiscard]] Ended how_ended(std::uint32_t id) const noexcept {
    const Last& last = last_[bucket_of(id)];
    return last.id == id ? last.how : Ended::unknown;
  }
  void remember(std::uint32_t id, Ended how) noexcept { last_[bucket_of(id)] = {id, how}; }

 private:
  static constexpr std::size_t kBuckets = 64;
  struct Last {
    std::uint32_t id = 0;
    Ended how = Ended::unknown;
  };
  /// Of one side's ids, every second one.
  static constexpr std::size_t bucket_of(std::uint32_t id) noexcept { return id / 2 % kBuckets; }

  std::array<MuxStream*, kBuckets> buckets_{};
  std::size_t count_ = 0;
  std::array<Last, kBuckets> last_{};
};

}  // namespace aralez::h2
