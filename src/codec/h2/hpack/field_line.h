#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace aralez::h2 {

/// What a name is in a header block (RFC 9113 sections 8.2.1 and 8.3).
enum class NameKind : std::uint8_t {
  method,
  scheme,
  authority,
  path,
  protocol,
  status,
  unknown_pseudo,
  plain,
  underscore,  ///< a token that some servers read like another one
  bad          ///< no token in lower case
};
[[nodiscard]] constexpr bool is_pseudo(NameKind k) noexcept {
  return k <= NameKind::unknown_pseudo;
}

/// All that the texts of a line say by themselves. A line of a table is looked at once.
struct LineClass {
  FieldId id = FieldId::other;  ///< of a name that is plain
  NameKind name = NameKind::bad;
  bool good_value = false;
};
[[nodiscard]] LineClass classify(std::string_view name, std::string_view value) noexcept;

struct FieldLine {
  std::string_view name;
  std::string_view value;
  LineClass is;
};

}  // namespace aralez::h2
