#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// The decoded value of a parameter of a query (with or without its `?`), as forms encode it; the
/// last of several. Nothing when it is not there: `?live`, `?live=` and `?live=1` all have it.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);
[[nodiscard]] inline bool has_parameter(std::string_view query, std::string_view name) {
  return query_value(query, name).has_value();
}

}  // namespace aralez
