#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace aralez {

/// The host that a request names, ready for comparison: lower case, no trailing dot, no port, IPv6
/// in brackets and as RFC 5952 writes it. Fails on anything RFC 3986 section 3.2.2 does not allow,
/// and on userinfo and lists (threats row 16).
struct Authority {
  std::string_view host;
  std::string_view port;  ///< digits, or empty
};
[[nodiscard]] Result<Authority> parse_authority(std::string_view text, Arena& arena);

/// A target taken apart for policy and for forwarding (behaviour section 21, threats row 13).
struct TargetPath {
  std::string_view
      match;  ///< for routing: one spelling of each path, dot segments gone, runs of slashes as one
  std::string_view
      alternate;  ///< the same with %2f, %5c and backslash read as slash; empty when no such byte
  std::string_view forward;  ///< as it came, dot segments removed, with the query
  std::string_view query;    ///< with its `?`, or empty
};
/// `target` is in origin-form, checked byte by byte already. Fails on %00 and on broken
/// percent-encoding.
[[nodiscard]] Result<TargetPath> normalise_target(std::string_view target, Arena& arena);

}  // namespace aralez
