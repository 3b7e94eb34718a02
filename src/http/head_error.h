#pragma once

#include <cstdint>
#include <string_view>

#include "observe/reason.h"

namespace aralez {

/// Why a head is refused: the status a client gets for it (0: none can be sent), what is counted,
/// and static text for the log.
struct HeadError {
  std::uint16_t status = 0;
  std::string_view why;
  Reason reason = Reason::bad_header;
};

}  // namespace aralez
