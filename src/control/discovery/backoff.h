#pragma once

#include <chrono>

#include "base/backoff.h"

namespace aralez {

/// The same for requests to a registry.
[[nodiscard]] constexpr std::chrono::milliseconds backoff(unsigned failures) noexcept {
  using std::chrono::milliseconds;
  return backoff(failures, milliseconds{500}, milliseconds{10'000});
}

}  // namespace aralez
