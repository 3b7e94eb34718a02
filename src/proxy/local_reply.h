#pragma once

#include "base/arena.h"
#include "http/request_context.h"

namespace aralez {

/// Whether a request is a call of gRPC (not of its dialects for browsers).
[[nodiscard]] bool speaks_grpc(const Head& request) noexcept;
/// Turns an answer of our own into what a gRPC client reads as an error: status and message in the
/// head of a 200 without a body ("Trailers-Only"), the status by gRPC's table for HTTP answers.
void make_grpc_error(Reply& reply, Arena& arena, HttpVersion version);

/// The answer of the proxy itself to OPTIONS (RFC 9110 section 9.3.7).
[[nodiscard]] Reply make_options_reply(Arena& arena);

/// Completes a refusal of our own: fields and body for `reply.status` (behaviour section 3.4).
/// Texts go to the arena, the body to a block.
void fill_refusal(Reply& reply, Arena& arena, BlockPool& blocks);

}  // namespace aralez
