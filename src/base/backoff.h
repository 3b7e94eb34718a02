#pragma once

#include <algorithm>

namespace aralez {

/// How long to wait after `failures` in a row, at least one, before the next try: `first`, then
/// twice that, and so on to `most`. Durations; a million times `first` fits into one.
template <class Duration>
[[nodiscard]] constexpr Duration backoff(unsigned failures, Duration first,
                                         Duration most) noexcept {
  return std::min(most, first * (1U << std::min(failures - 1, 20U)));
}

}  // namespace aralez
