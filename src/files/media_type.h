#pragma once

#include <string_view>

namespace aralez {

/// By the extension of the last segment, `application/octet-stream` when it says nothing.
[[nodiscard]] std::string_view media_type(std::string_view path) noexcept;

}  // namespace aralez
