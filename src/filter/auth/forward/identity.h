#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace aralez {

/// Which fields an authorization server says about a client, and which therefore no client may say
/// about itself (threats row 14).
class IdentityFields {
 public:
  /// `names`: what the server sets, in any case. Empty: all that begins with `x-`, `remote-` or
  /// `locat`, as it always was.
  explicit IdentityFields(const std::vector<std::string>& names);

  /// Whether a field of the server's answer goes to the upstream.
  [[nodiscard]] bool sets(const Field& field) const noexcept;
  /// Takes out what clients may not send. Without names these are all that the server could set,
  /// but for what is known to be of programs and not of persons: fields against forged requests, of
  /// tracing, of frameworks. What the proxy says itself is replaced elsewhere.
  void strip(Fields& fields) const;
  [[nodiscard]] bool exact() const noexcept { return !names_.empty(); }

 private:
  [[nodiscard]] bool named(std::string_view name) const noexcept;
  std::vector<std::string> names_;  ///< lower case
};

/// What is wrong with a name for IdentityFields; empty when nothing is.
[[nodiscard]] std::string_view complaint_of_identity(std::string_view name) noexcept;

}  // namespace aralez
