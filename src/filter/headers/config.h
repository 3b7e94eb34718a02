#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace aralez {

/// One `Name: value` of a header list. The name is a token, the value a field value without white
/// space around it.
struct HeaderRule {
  std::string name;
  std::string value;

  friend bool operator==(const HeaderRule&, const HeaderRule&) = default;
};

/// Appends the entries of the list `node` (the value of `key`) to `out`. Wrong entries are errors;
/// hop-by-hop names are left out with a warning, for they would have no effect.
void parse_header_list(const Node& node, std::string_view key, Diagnostics& diagnostics,
                       std::vector<HeaderRule>& out);

}  // namespace aralez
