#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/clock.h"

namespace aralez {

/// Where the ticket keys of a process come from: 32 random bytes, good for the period that begins
/// at `since`. Workers (and a process that takes over) with equal seeds have equal keys for ever.
struct TicketSeed {
  std::array<unsigned char, 32> bytes{};
  TimePoint since{};

  [[nodiscard]] static TicketSeed random(TimePoint now);
};

/// Session ticket keys of one worker (RFC 5077 section 4). Each period has its own, derived from a
/// seed that turns into the next one and is forgotten: whoever steals the memory cannot read
/// tickets older than two periods. Nothing is shared, so nothing is locked.
class TicketKeys {
 public:
  static constexpr std::size_t kNameSize = 16;
  static constexpr std::chrono::hours kPeriod{4};

  struct Key {
    std::array<unsigned char, kNameSize> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };
  enum class Age : bool { current, previous };
  struct Found {
    const Key* key = nullptr;
    Age age = Age::current;
  };

  explicit TicketKeys(const TicketSeed& seed);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  /// For new tickets.
  [[nodiscard]] const Key& current(TimePoint now);
  /// For a ticket that names it; null when it is too old or never was ours.
  [[nodiscard]] Found find(std::span<const unsigned char> name, TimePoint now);

 private:
  void advance(TimePoint now);
  void derive();

  TicketSeed seed_;
  Key current_;
  Key previous_;
};

}  // namespace aralez
