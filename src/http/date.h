#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// IMF-fixdate of RFC 9110 section 5.6.7, always 29 characters.
[[nodiscard]] std::string format_http_date(std::time_t t);
/// All three formats a recipient must understand.
[[nodiscard]] std::optional<std::time_t> parse_http_date(std::string_view s);

/// The text of the current second, made once per second.
class DateCache {
 public:
  [[nodiscard]] std::string_view at(std::time_t now) {
    if (now != second_) {
      second_ = now;
      text_ = format_http_date(now);
    }
    return text_;
  }

 private:
  std::time_t second_ = -1;
  std::string text_;
};

}  // namespace aralez
