#pragma once

#include "base/result.h"
#include "http/stream.h"

namespace aralez {

/// What a stream of an upstream that was reset means to whoever waits for its answer.
[[nodiscard]] constexpr Error error_of(ResetCode code) noexcept {
  switch (code) {
    case ResetCode::refused: return {Errc::refused, Origin::upstream, "upstream refused"};
    case ResetCode::http1_required:
      return {Errc::refused, Origin::upstream, "upstream wants HTTP/1.1"};
    case ResetCode::protocol:
      return {Errc::protocol, Origin::upstream, "upstream broke the protocol"};
    case ResetCode::timeout: return {Errc::timeout, Origin::upstream, "upstream took too long"};
    case ResetCode::cancel:
    case ResetCode::closed:
    case ResetCode::internal: break;
  }
  return {Errc::reset, Origin::upstream, "upstream closed the connection"};
}

}  // namespace aralez
