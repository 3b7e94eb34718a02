#pragma once

#include <cstdint>

namespace aralez {

/// Which endpoint of its route's cluster a request goes to, by place in the configuration. A filter
/// may wish for one; `used` is the one that gave the answer, and may be another.
struct EndpointChoice {
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  std::uint32_t wanted = kNone;
  std::uint32_t used = kNone;
};

}  // namespace aralez
