#pragma once

#include "base/arena.h"
#include "http/request_context.h"

namespace aralez {

/// The answer of the proxy itself to OPTIONS (RFC 9110 section 9.3.7).
[[nodiscard]] Reply make_options_reply(Arena& arena);

/// Completes a refusal of our own: fields and body for `reply.status` (behaviour section 3.4).
/// Texts go to the arena, the body to a block.
void fill_refusal(Reply& reply, Arena& arena, BlockPool& blocks);

}  // namespace aralez
