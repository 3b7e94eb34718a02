#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace aralez {

/// Where in a configuration file something stands. Lines and columns count from 1; 0 is "the file
/// as a whole".
struct Source {
  std::shared_ptr<const std::string> file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  /// `file:line`, or what of it is known.
  [[nodiscard]] std::string to_string() const {
    std::string out = file ? *file : std::string();
    if (line != 0) out += ":" + std::to_string(line);
    return out;
  }
};

}  // namespace aralez
