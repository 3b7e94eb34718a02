#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/head.h"
#include "http/uri.h"
#include "observe/reason.h"

namespace aralez {

/// A status of 0: the request is fine.
struct RequestVerdict {
  std::uint16_t status = 0;
  Reason reason = Reason::internal;
  std::string_view why;
};

/// Rules for every request, whatever protocol it came by, before anything looks at it: one
/// authority, one path, no fields that alias or smuggle (threats rows 13, 14, 16, 30). Gives the
/// host and path that policy judges and takes out the fields that no upstream may see.
[[nodiscard]] RequestVerdict check_request(Head& request, Arena& arena, std::string_view& host,
                                           TargetPath& path);

/// How far Max-Forwards lets an OPTIONS or TRACE go (RFC 9110 section 7.6.2).
enum class Hop : std::uint8_t {
  onward,  ///< to a server; one less is left, if it was counted
  last,    ///< no further than here
  malformed
};
/// Counts a request that is about to be forwarded. Pre: its method is OPTIONS or TRACE.
[[nodiscard]] Hop count_hop(Head& request, Arena& arena);

}  // namespace aralez
