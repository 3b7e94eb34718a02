#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "observe/reason.h"

namespace aralez {

/// A request that is over, for counters, limits and logs.
struct RequestSummary {
  std::uint16_t status = 0;      ///< what the client was sent; 0: nothing
  std::optional<Reason> reason;  ///< of an answer that was made here, or cut off here
  bool complete = false;         ///< the answer was handed over to its end
  TimePoint started{};
  TimePoint ended{};
};

}  // namespace aralez
