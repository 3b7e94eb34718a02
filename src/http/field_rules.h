#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace aralez {

/// Names that would change framing, routing or authentication after the fact (RFC 9110
/// section 6.5.1).
[[nodiscard]] bool allowed_in_trailers(const Field& field) noexcept;

/// An upgrade we are willing to carry: one protocol, not to another HTTP version (threats row 18).
[[nodiscard]] bool carried_upgrade(std::string_view protocol) noexcept;

/// Value of a Content-Length: 1*DIGIT that fits; no sign, no list (threats row 1).
[[nodiscard]] bool parse_length(std::string_view text, std::uint64_t& out) noexcept;

/// 1*DIGIT; what does not fit is as large as can be. False for anything else.
[[nodiscard]] bool parse_count(std::string_view text, std::uint64_t& out) noexcept;

}  // namespace aralez
