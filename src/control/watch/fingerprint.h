#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/watch/watch_spec.h"

namespace aralez {

/// Whether a file of this name counts in the folder.
[[nodiscard]] bool belongs(const WatchedFolder& folder, std::string_view name);

/// The files of the folder that count, as paths, sorted. Empty when there is no folder.
[[nodiscard]] std::vector<std::string> list_files(const WatchedFolder& folder);

/// Hash over path and content of every watched file; that a file is missing or unreadable is part
/// of it. Equal content gives an equal hash however it was saved. `key` makes it unpredictable to
/// whoever writes the files.
[[nodiscard]] std::uint64_t fingerprint(const WatchSpec& spec, std::uint64_t key);

/// The same from what stat() says, without reading: cheap, and sure to differ only when time stamps
/// do.
[[nodiscard]] std::uint64_t glance(const WatchSpec& spec, std::uint64_t key);

}  // namespace aralez
