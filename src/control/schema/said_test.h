#pragma once

#include <string>

#include "config/diagnostics.h"

namespace aralez {

/// What the reading of a text said, but for keys that have no effect yet: those are the business of
/// not_yet. Comes first in a test's struct, before the result that it is filled by.
struct Said {
  [[nodiscard]] std::string said() const {
    const std::string all = diagnostics.render();
    std::string out;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = all.find('\n', at) + 1;
      const std::string line = all.substr(at, end - at);
      if (line.find("has no effect in this version") == std::string::npos) out += line;
      at = end;
    }
    return out;
  }
  [[nodiscard]] std::size_t warnings() const {
    const std::string text = said();
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(": warning: ", at)) != std::string::npos; ++at) ++n;
    return n;
  }
  Diagnostics diagnostics;
};

}  // namespace aralez
