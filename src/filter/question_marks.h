#pragma once

#include <string>
#include <string_view>

#include "http/fields.h"

namespace aralez {

/// The field `Aralez-Question` of what a route asks an authorization server: the marks of the
/// routes that wait for the answer. One that meets its own has been led back to itself. Marks are
/// signed, so that no client can make one; processes with the same `master_key` know each other's,
/// and without one a process knows its own. Immutable.
class QuestionMarks {
 public:
  static constexpr std::string_view kField = "Aralez-Question";
  static constexpr std::string_view kBetween = ", ";
  static constexpr std::size_t kMarkSize = 36;
  /// Routes of which one waits for the other; more are taken for a loop.
  static constexpr std::size_t kMost = 8;

  explicit QuestionMarks(std::string_view master_key);

  /// The mark of a route, by the names that the configuration has for it.
  [[nodiscard]] std::string of(std::string_view host, std::string_view path) const;
  /// Takes the field out unless all of it was made here. What stays, which is one line, or empty.
  std::string_view keep_own(Fields& fields) const;
  /// Pre: `marks` is what keep_own() has left.
  [[nodiscard]] static bool lead_back(std::string_view marks, std::string_view mark) noexcept;

 private:
  [[nodiscard]] bool made_here(std::string_view marks) const;
  [[nodiscard]] std::string signature(std::string_view name) const;

  std::string key_;  ///< secret
};

}  // namespace aralez
