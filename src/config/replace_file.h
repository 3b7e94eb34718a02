#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace aralez {

/// Who may read a file that is there already: `kept`, whoever may now. For keys: `owner_alone`.
enum class FileAccess : std::uint8_t { kept, owner_alone };

/// Makes `text` the content of the file at `path`: whoever reads it, also after a crash, finds the
/// old content or the new one, whole. Links are followed. An existing file keeps its permissions
/// and, as far as the process may give it away, its owner; a new one is for its owner alone. The
/// folder must be writable. The error names the file and the reason.
[[nodiscard]] std::expected<void, std::string> replace_file(const std::string& path,
                                                            std::string_view text,
                                                            FileAccess access = FileAccess::kept);

}  // namespace aralez
