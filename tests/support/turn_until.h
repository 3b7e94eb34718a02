#pragma once

#include <chrono>
#include <functional>

#include "io/reactor.h"

namespace aralez::testing {

/// Turns the loop until `done`; false when that takes unreasonably long.
inline bool turn_until(Reactor& reactor, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    reactor.turn(Millis(10));
  }
  return true;
}

}  // namespace aralez::testing
