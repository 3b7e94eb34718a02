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

}  // namespace aralez
