#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace aralez::h2 {

/// The dynamic table of RFC 7541 section 2.3.2: lines in the order in which they came, the oldest
/// of which go when there is no room. Each has a note of its user's, and a number that stays.
///
/// Texts lie one behind the other in one piece of memory, which grows with what is kept: a
/// connection whose peer adds nothing holds none.
template <class Note>
class DynamicTable {
 public:
  /// Largest limit: what a coder has that was told nothing (RFC 9113 section 6.5.2).
  static constexpr std::size_t kMost = 4096;
  static constexpr std::size_t kOverhead = 32;

  struct Line {
    std::string_view name;
    std::string_view value;
    const Note& note;
  };

  [[nodiscard]] std::uint32_t size() const noexcept { return next_ - oldest_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Number of the line that will come next. Lines with a smaller one are there unless they are
  /// older than size().
  [[nodiscard]] std::uint32_t next() const noexcept { return next_; }
  /// Pre: next() - size() <= number < next(). Good until the next change.
  [[nodiscard]] Line line(std::uint32_t number) const noexcept {
    const Entry& e = entry(number);
    const std::string_view all(texts_.data() + e.at, std::size_t{e.name} + e.value);
    return {all.substr(0, e.name), all.substr(e.name), e.note};
  }
  [[nodiscard]] const Note& note(std::uint32_t number) const noexcept { return entry(number).note; }

  /// What a line takes that has such texts.
  [[nodiscard]] static constexpr std::size_t cost(std::string_view name,
                                                  std::string_view value) noexcept {
    return name.size() + value.size() + kOverhead;
  }
  /// A line that takes more than limit() empties the table, and is not kept. The texts are not the
  /// table's own.
  void insert(std::string_view name, std::string_view value, const Note& note) {
    const std::size_t need = cost(name, value);
    if (need > limit_) return shrink_to(0);
    shrink_to(limit_ - need);
    make_room(name.size() + value.size());
    if (size() == entries_.size()) add_entries();
    char* const to = texts_.data() + end_;
    std::copy(name.begin(), name.end(), to);
    std::copy(value.begin(), value.end(), to + name.size());
    entry(next_) = {static_cast<std::uint16_t>(end_), static_cast<std::uint16_t>(name.size()),
                    static_cast<std::uint16_t>(value.size()), note};
    ++next_;
    end_ += name.size() + value.size();
    used_ += need;
  }
  /// Pre: limit <= kMost.
  void set_limit(std::size_t limit) noexcept {
    limit_ = limit;
    shrink_to(limit);
  }
  /// Bytes held: for tests.
  [[nodiscard]] std::size_t memory() const noexcept {
    return texts_.size() + entries_.size() * sizeof(Entry);
  }

 private:
  struct Entry {
    std::uint16_t at = 0;
    std::uint16_t name = 0;
    std::uint16_t value = 0;
    Note note{};
  };
  static constexpr std::size_t kFirstTexts = 256;
  static constexpr std::size_t kFirstEntries = 8;

  [[nodiscard]] Entry& entry(std::uint32_t number) noexcept {
    return entries_[number & (entries_.size() - 1)];
  }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const noexcept {
    return entries_[number & (entries_.size() - 1)];
  }
  void shrink_to(std::size_t bytes) noexcept {
    while (used_ > bytes) {
      const Entry& e = entry(oldest_++);
      used_ -= std::size_t{e.name} + e.value + kOverhead;
    }
  }
  /// Moves what is kept to the front when that frees half of the memory, else there is more of it:
  /// either way a text is moved about once for each time that it is copied in.
  void make_room(std::size_t n) {
    if (end_ + n <= texts_.size()) return;
    const std::size_t begin = size() == 0 ? end_ : entry(oldest_).at;
    const std::size_t kept = end_ - begin;
    if ((kept + n) * 2 > texts_.size()) {
      std::vector<char> more(std::bit_ceil(std::max(kFirstTexts, (kept + n) * 2)));
      if (kept > 0) std::memcpy(more.data(), texts_.data() + begin, kept);
      texts_.swap(more);
    } else if (kept > 0) {
      std::memmove(texts_.data(), texts_.data() + begin, kept);
    }
    for (std::uint32_t i = oldest_; i != next_; ++i)
      entry(i).at = static_cast<std::uint16_t>(entry(i).at - begin);
    end_ = kept;
  }
  void add_entries() {
    std::vector<Entry> more(std::max(kFirstEntries, entries_.size() * 2));
    for (std::uint32_t i = oldest_; i != next_; ++i) more[i & (more.size() - 1)] = entry(i);
    entries_.swap(more);
  }

  std::vector<char> texts_;
  std::vector<Entry> entries_;  ///< a power of two of them
  std::size_t end_ = 0;         ///< of the newest line's texts
  std::size_t used_ = 0;
  std::size_t limit_ = kMost;
  std::uint32_t oldest_ = 0;
  std::uint32_t next_ = 0;
};

}  // namespace aralez::h2
