#include "filter/limits/counter_table.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>

namespace aralez {
namespace {

constexpr unsigned kCountBits = 24;

std::uint64_t to_millis(TimePoint t) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<Millis>(t.time_since_epoch()).count());
}
std::uint64_t end_of(std::uint64_t state) {
  return state >> kCountBits;
}
std::uint32_t count_of(std::uint64_t state) {
  return static_cast<std::uint32_t>(state & CounterTable::kMost);
}
std::uint64_t state_of(std::uint64_t end, std::uint32_t count) {
  return end << kCountBits | count;
}

CounterTable::Tally tally_of(std::uint64_t state, std::uint64_t now) {
  if (end_of(state) <= now) return {};
  return {count_of(state), Millis(end_of(state) - now)};
}

}  // namespace

/// A locked bucket. The lock is held for some fifty instructions, so whoever finds it taken waits
/// for it without sleeping, unless its holder was stopped by the scheduler.
class CounterTable::Held {
 public:
  explicit Held(Bucket& b) noexcept : bucket_(b) {
    constexpr int kSpins = 100;
    const std::atomic_ref lock(bucket_.lock);
    for (int i = 0; lock.exchange(1, std::memory_order_acquire) != 0; ++i)
      if (i >= kSpins) ::sched_yield();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { std::atomic_ref(bucket_.lock).store(0, std::memory_order_release); }

  [[nodiscard]] Cell* find(Key key) const noexcept {
    for (Cell& c : bucket_.cells)
      if (c.key == key) return &c;
    return nullptr;
  }
  /// A cell for a new key: one that has ended, or else the one that says least.
  [[nodiscard]] Cell& vacate(std::uint64_t now) const noexcept {
    Cell* least = &bucket_.cells[0];
    for (Cell& c : bucket_.cells) {
      if (end_of(c.state) <= now) return c;
      if (count_of(c.state) < count_of(least->state)) least = &c;
    }
    return *least;
  }

 private:
  Bucket& bucket_;
};

void CounterTable::Unmap::operator()(Bucket* b) const noexcept {
  ::munmap(b, bytes);
}

CounterTable::CounterTable(std::size_t cells) {
  const std::size_t n = std::bit_ceil(std::max<std::size_t>(cells / kCellsPerBucket, 1));
  const std::size_t bytes = n * sizeof(Bucket);
  // From the system and not from the allocator: zero without being written, so that memory which is
  // never needed is never used.
  void* const at =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  memory_ = {static_cast<Bucket*>(at), Unmap{bytes}};
  buckets_ = {memory_.get(), n};
}

CounterTable::Tally CounterTable::add(Key key, TimePoint now, TimePoint until, End end) {
  const std::uint64_t at = to_millis(now);
  const Held bucket(bucket_of(key));
  Cell* cell = bucket.find(key);
  if (!cell) {
    cell = &bucket.vacate(at);
    *cell = {key, 0};
  }
  // Another worker may be a moment ahead and have begun a count already that ends after `until`:
  // then this one belongs to it.
  const bool running = end_of(cell->state) > at;
  const std::uint32_t count = running ? std::min(count_of(cell->state) + 1, kMost) : 1;
  std::uint64_t ends = to_millis(until);
  if (running) ends = end == End::stays ? end_of(cell->state) : std::max(ends, end_of(cell->state));
  cell->state = state_of(ends, count);
  return tally_of(cell->state, at);
}

CounterTable::Tally CounterTable::look(Key key, TimePoint now) {
  const Held bucket(bucket_of(key));
  const Cell* cell = bucket.find(key);
  return cell ? tally_of(cell->state, to_millis(now)) : Tally{};
}

CounterTable::Tally CounterTable::look_and_hold(Key key, TimePoint now, std::uint32_t limit,
                                                TimePoint until) {
  const std::uint64_t at = to_millis(now);
  const Held bucket(bucket_of(key));
  Cell* cell = bucket.find(key);
  if (!cell) return {};
  if (end_of(cell->state) > at && count_of(cell->state) > limit)
    cell->state = state_of(std::max(end_of(cell->state), to_millis(until)), count_of(cell->state));
  return tally_of(cell->state, at);
}

}  // namespace aralez
