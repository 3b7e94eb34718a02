#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace aralez {

/// What is known of certificates that are ordered, for people and for metrics.
struct AcmeReport {
  struct Name {
    std::string name;
    std::string trouble;  ///< of its last order; empty: none
    std::chrono::system_clock::time_point next_look;
  };
  std::string directory;
  std::string account = {};  ///< its URL; empty: none was needed yet
  std::string trouble = {};  ///< with the files of names; empty: none
  std::vector<Name> names = {};
  std::uint64_t issued = 0;
  std::uint64_t failed = 0;  ///< orders
};

}  // namespace aralez
