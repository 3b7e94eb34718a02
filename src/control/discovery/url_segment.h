#pragma once

#include <string>
#include <string_view>

namespace aralez {

/// `text` as one segment of a path or one value of a query: everything but unreserved characters is
/// percent-encoded (RFC 3986 section 2.1).
[[nodiscard]] std::string url_segment(std::string_view text);

}  // namespace aralez
