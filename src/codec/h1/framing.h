#pragma once

#include "codec/h1/head_parser.h"

namespace aralez::h1 {

/// Decides the body's framing (RFC 9112 section 6.3) and takes framing and hop-by-hop fields (RFC
/// 9110 section 7.6.1) out of the head. A status of 0 means it is fine.
[[nodiscard]] HeadError apply_request_framing(Head& head, Persistence& persistence);
/// The same for a response, before it is known what it answers; `head.length` says what the fields
/// say.
[[nodiscard]] HeadError apply_response_framing(Head& head, Persistence& persistence);

}  // namespace aralez::h1
