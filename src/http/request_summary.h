#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "observe/reason.h"

namespace aralez {

/// A request that is over, for counters, limits and logs.
struct RequestSummary {
  std::uint16_t status = 0;                 ///< what the client was sent; 0: nothing
  std::optional<Reason> reason;             ///< of an answer that was made here, or cut off here
  std::optional<std::uint8_t> grpc_status;  ///< of the answer to a call of gRPC
  bool complete = false;                    ///< the answer was handed over to its end
  TimePoint started{};
  TimePoint ended{};
  std::optional<TimePoint> connected;   ///< a server's connection took the request, the last time
  std::optional<TimePoint> first_byte;  ///< the head of the answer came from a server
  std::uint64_t bytes_in = 0;           ///< body of the request, as far as it came
  std::uint64_t bytes_out = 0;          ///< body of the answer
  std::uint32_t attempts = 0;           ///< tries to get it answered by a server
};

}  // namespace aralez
