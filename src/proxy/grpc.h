#pragma once

#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "http/request_context.h"

namespace aralez {

/// Whether a request is a call of gRPC (not of its dialects for browsers).
[[nodiscard]] bool speaks_grpc(const Head& request) noexcept;
/// Turns an answer of our own into what a gRPC client reads as an error: status and message in the
/// head of a 200 without a body ("Trailers-Only"), the status by gRPC's table for HTTP answers.
void make_grpc_error(Reply& reply, Arena& arena, HttpVersion version);
/// What `grpc-status` says, in a head ("Trailers-Only") or in trailers.
[[nodiscard]] std::optional<std::uint8_t> grpc_status_in(const Fields& fields) noexcept;

}  // namespace aralez
