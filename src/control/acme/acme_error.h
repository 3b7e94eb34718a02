#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// Why a certificate authority gave nothing.
struct AcmeError {
  std::string text;  ///< for people, in one line
  /// What the authority calls it, such as `rateLimited` (RFC 8555 section 6.7); empty: nothing.
  std::string type = {};
  /// It wants to be left alone for that long.
  std::optional<std::chrono::seconds> retry_after = {};
  bool passing = false;   ///< the same question may have an answer a moment later
  bool no_order = false;  ///< nothing was tried: somebody else is at it
};

/// A problem document (RFC 7807) in one line, `otherwise` where it says nothing.
[[nodiscard]] AcmeError read_problem(const nlohmann::json& problem, std::string_view otherwise);

/// Whoever waits is told to stop.
[[nodiscard]] AcmeError process_ends();

/// `text` of a stranger as a line for logs and answers: without control characters, in UTF-8, and
/// not long.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace aralez
