#pragma once

#include <chrono>
#include <string>

namespace aralez::top {

struct TopOptions {
  std::string base;  ///< `http://host:port`
  std::string key;   ///< secret; may be empty
  std::chrono::milliseconds interval{2000};
  bool once = false;  ///< print one frame, as text, when the first interval is over
};

/// The exit code. Without a terminal it prints one frame, as with `once`.
[[nodiscard]] int run_top(const TopOptions& options);

}  // namespace aralez::top
