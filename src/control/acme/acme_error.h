#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace aralez {

/// Why a certificate authority gave nothing.
struct AcmeError {
  std::string text;  ///< for people, in one line
  /// What the authority calls it, such as `rateLimited` (RFC 8555 section 6.7); empty: it said
  /// nothing.
  std::string type = {};
  std::optional<std::chrono::seconds> retry_after =
      {};  ///< it wants to be left alone for that long
};

}  // namespace aralez
