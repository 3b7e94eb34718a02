#pragma once

#include <string>
#include <string_view>

namespace aralez {

/// A request target, or any text with a query, as it may stand in a log (threats row 37): the
/// values of `araleztoken`, `access_token` and `key` become `***`, however the names are spelled.
/// Returns `target` itself when there is nothing to hide, else a view of `scratch`, whose content
/// is replaced and whose room is kept for the next call.
[[nodiscard]] std::string_view redact_target(std::string_view target, std::string& scratch);

}  // namespace aralez
