#pragma once

#include <cstddef>
#include <string_view>

#include "base/ascii.h"

namespace aralez {

/// Takes one character off `encoded`, decoded as forms and queries are read: `%XX` is a byte, `+` a
/// blank, and what is no encoding stands for itself. Pre: not empty.
constexpr char take_decoded(std::string_view& encoded) noexcept {
  const char c = encoded.front();
  if (c == '%' && encoded.size() >= 3) {
    const int high = hex_value(encoded[1]);
    const int low = hex_value(encoded[2]);
    if (high >= 0 && low >= 0) {
      encoded.remove_prefix(3);
      return static_cast<char>(high * 16 + low);
    }
  }
  encoded.remove_prefix(1);
  return c == '+' ? ' ' : c;
}

/// Calls `fn(name, value)`, both as they came, with each `name=value` or `name` between ampersands.
template <class Fn>
constexpr void for_each_parameter(std::string_view query, Fn&& fn) {
  while (!query.empty()) {
    const auto parameter = query.substr(0, query.find('&'));
    query.remove_prefix(parameter.size() + (parameter.size() < query.size() ? 1 : 0));
    const auto equals = parameter.find('=');
    fn(parameter.substr(0, equals),
       equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1));
  }
}

/// Whether `encoded` decodes to `text`.
constexpr bool decodes_to(std::string_view encoded, std::string_view text) noexcept {
  for (const char c : text)
    if (encoded.empty() || take_decoded(encoded) != c) return false;
  return encoded.empty();
}

}  // namespace aralez
