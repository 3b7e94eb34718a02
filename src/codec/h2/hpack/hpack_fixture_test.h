#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/ascii.h"
#include "support/hpack_coders.h"

namespace aralez::h2::testing {

/// "8286 84" as bytes.
inline std::string bytes(std::string_view hex) {
  std::string out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int v = hex_value(c);
    if (high < 0) {
      high = v;
    } else {
      out += static_cast<char>(high * 16 + v);
      high = -1;
    }
  }
  return out;
}
inline std::string hex(std::string_view s) {
  std::string out;
  for (const char c : s) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace aralez::h2::testing
