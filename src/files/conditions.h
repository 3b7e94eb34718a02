#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "http/head.h"

namespace aralez {

/// What identifies the state of a file.
struct Validators {
  std::string etag;  ///< strong, with its quotes
  std::time_t modified = 0;
};

/// What the preconditions of a request come to (RFC 9110 section 13.2.2).
enum class Condition : std::uint8_t { pass, not_modified, failed };
[[nodiscard]] Condition check_conditions(const Fields& request, const Validators& now);

/// The part of a file that is asked for (RFC 9110 section 14).
struct ByteRange {
  enum class Kind : std::uint8_t { whole, part, unsatisfiable };
  Kind kind = Kind::whole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};
/// One range; several, another unit or nonsense give the whole. `If-Range` is honoured.
[[nodiscard]] ByteRange read_range(const Fields& request, const Validators& now,
                                   std::uint64_t size);

}  // namespace aralez
