#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aralez {

/// What a member of a JSON object holds, as far as tokens need it.
struct JsonValue {
  enum class Kind : std::uint8_t {
    null,
    boolean,
    natural,  ///< a whole number from 0 to 2^64 - 1, written without point and exponent
    number,   ///< any other
    text,
    texts,  ///< a list that holds nothing but texts
    other
  };
  Kind kind = Kind::null;
  std::uint64_t natural = 0;
  double number = 0;  ///< of natural too
  std::string text;
  std::vector<std::string> texts;
};

/// The members of one JSON object, for what strangers send: depth and size are bounded, and a name
/// that comes twice is refused, since two readers could take different ones. Never throws.
class JsonObject {
 public:
  static constexpr std::size_t kMaxDepth = 16;
  static constexpr std::size_t kMaxBytes = 64 * 1024;

  enum class Flaw : std::uint8_t { none, not_json, not_an_object, repeated_name, too_large };

  /// What is wrong with `text`; the object is of use when nothing is.
  [[nodiscard]] Flaw parse(std::string_view text);

  [[nodiscard]] const JsonValue* find(std::string_view name) const noexcept;
  /// Null unless it is there and a text.
  [[nodiscard]] const std::string* text(std::string_view name) const noexcept;

 private:
  std::vector<std::pair<std::string, JsonValue>> members_;
};

/// `text` as a JSON string with its quotes: what has to be escaped is, and nothing else. What is
/// not UTF-8 is replaced.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace aralez
