#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"

namespace aralez {

/// Counts per key that end by themselves, shared by all workers, in memory of a fixed size
/// (docs/adr/0018). Exact: no two keys share a count, and none is lost between threads. When more
/// keys are alive than there is room for, the smallest count of the place is forgotten, so that
/// nobody is ever held to have done what others did.
///
/// A call costs one place of memory and one locked instruction. Any thread.
class CounterTable {
 public:
  /// Of a secret hash, so that nobody can choose keys that meet (threats row 35).
  using Key = std::uint64_t;

  struct Tally {
    std::uint32_t count = 0;  ///< 0: nothing is counted, or it has ended; stays at kMost
    Millis left{0};           ///< until it ends
  };
  static constexpr std::uint32_t kMost = 0xffffff;

  /// What another count does to the end of those before it.
  enum class End : bool { stays, moves };

  /// Room for `cells` keys at least. Memory is taken from the system as it is used.
  explicit CounterTable(std::size_t cells);

  /// One more, ending at `until`.
  Tally add(Key key, TimePoint now, TimePoint until, End end);
  [[nodiscard]] Tally look(Key key, TimePoint now);
  /// As look(); a count above `limit` is moved to end at `until`.
  Tally look_and_hold(Key key, TimePoint now, std::uint32_t limit, TimePoint until);

  [[nodiscard]] std::size_t cells() const noexcept { return buckets_.size() * kCellsPerBucket; }
  [[nodiscard]] std::size_t bytes() const noexcept { return buckets_.size() * sizeof(Bucket); }

 private:
  static constexpr std::size_t kCellsPerBucket = 7;

  struct Cell {
    Key key;
    std::uint64_t state;  ///< end in milliseconds of the clock, 40 bits; count, 24 bits
  };
  /// Two cache lines that are fetched together. All zero is empty.
  struct alignas(128) Bucket {
    std::uint32_t lock;  ///< 1: somebody has it
    Cell cells[kCellsPerBucket];
  };
  static_assert(sizeof(Bucket) == 128);

  class Held;
  struct Unmap {
    std::size_t bytes;
    void operator()(Bucket* b) const noexcept;
  };

  [[nodiscard]] Bucket& bucket_of(Key key) const noexcept {
    return buckets_[(key >> 32U) & (buckets_.size() - 1)];
  }

  std::unique_ptr<Bucket, Unmap> memory_;
  std::span<Bucket> buckets_;
};

}  // namespace aralez
