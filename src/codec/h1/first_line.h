#pragma once

#include <string_view>

namespace aralez::h1 {

/// Of the first bytes of a connection that are no request: whether their line, as far as it has
/// come and behind empty ones, is one of a client that speaks HTTP, because it begins with a
/// standard method or has a word that begins with `HTTP`, in any case. An answer would be noise to
/// any other.
[[nodiscard]] bool shows_http(std::string_view text) noexcept;

}  // namespace aralez::h1
