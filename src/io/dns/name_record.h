#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/socket_address.h"

namespace aralez {

/// What a lookup found.
struct NameAnswer {
  std::vector<SocketAddress> addresses;  ///< not empty, no duplicates, port 0
  Millis ttl{};                          ///< the shortest of the answer
};

/// How long answers are believed.
struct NameRules {
  Millis min_ttl{1'000};
  Millis max_ttl{3'600'000};
  Millis first_retry{1'000};  ///< after a failed lookup; doubles with each further one
  Millis max_retry{5'000};
};

/// What a lookup meant for its name.
enum class NameChange : std::uint8_t {
  none,
  found,      ///< the first addresses, or the first after `unknown`
  changed,    ///< other addresses than before
  recovered,  ///< resolves again; the addresses may have changed
  kept,       ///< a lookup has failed; the last addresses stay in use
  unknown     ///< a lookup has failed and there never were addresses
};

/// What is known about one name: a state machine without a clock and without a socket. Addresses
/// that were once found are given up for newer ones only, never for a failure.
/// `unasked → good | failed`, `good ⇄ stale`, `failed → good`.
class NameRecord {
 public:
  enum class State : std::uint8_t { unasked, good, stale, failed };

  explicit NameRecord(const NameRules& rules) : rules_(rules) {}

  NameChange answered(NameAnswer&& answer, TimePoint now);
  NameChange failed(Error why, TimePoint now);

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] std::span<const SocketAddress> addresses() const noexcept { return addresses_; }
  /// When the next lookup is due. Pre: state() != unasked.
  [[nodiscard]] TimePoint due() const noexcept { return due_; }
  /// Of the last lookup. Pre: state() is stale or failed.
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  [[nodiscard]] bool replace(std::vector<SocketAddress>&& addresses);

  NameRules rules_;
  State state_ = State::unasked;
  std::vector<SocketAddress> addresses_;
  TimePoint due_{};
  Millis retry_{};
  Error error_{};
};

}  // namespace aralez
