#pragma once

#include "base/arena.h"
#include "http/request_context.h"

namespace aralez {

/// Completes a refusal of our own: fields and body for `reply.status` (behaviour section 3.4).
/// Texts go to the arena, the body to a block.
void fill_refusal(Reply& reply, Arena& arena, BlockPool& blocks);

}  // namespace aralez
