#pragma once

#include "base/clock.h"
#include "http/request_context.h"

namespace aralez {

/// Makes the answer 429: empty, with `Retry-After` of whole seconds that cover `left`. The
/// connection is kept: a client that comes back on it costs less than one that has to connect
/// again.
Verdict too_many(RequestContext& request, Reply& reply, Reason reason, Millis left);

}  // namespace aralez
