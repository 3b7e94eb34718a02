#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace aralez {

// What is decided about a YAML text before the parser sees it.

[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);

/// Offset of the first byte that a YAML text may not have. yaml-cpp takes U+0004 for the end of the
/// file, and would repair broken UTF-8, so neither may reach it.
[[nodiscard]] std::optional<std::size_t> first_bad_byte(std::string_view text);

/// The part of `text` up to the end of its first document. A marker at the start of a line ends a
/// document wherever it stands (YAML 1.2 section 9.1.2), so no parser is needed to find it.
[[nodiscard]] std::string_view first_document(std::string_view text);
/// Where something stands behind the first document that nobody will read.
[[nodiscard]] std::optional<std::size_t> second_document(std::string_view text);

}  // namespace aralez
