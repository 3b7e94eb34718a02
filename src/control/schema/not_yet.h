#pragma once

#include <cstdint>
#include <string_view>

#include "config/diagnostics.h"
#include "config/node.h"

namespace aralez {

/// The mappings whose keys may be in the table.
enum class ConfigBlock : std::uint8_t { main, upstreams, host, path };

/// Warns of each key of `map` that is read and checked but has nothing behind it in this version,
/// once per key and load. The table is in not_yet.cc; a feature that comes deletes its line there.
void warn_not_yet(const Node& map, ConfigBlock block, Diagnostics& diagnostics);

}  // namespace aralez
