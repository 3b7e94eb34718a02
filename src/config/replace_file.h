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

/// Content for a file.
struct NewContent {
  std::string path;
  std::string_view text;
  FileAccess access = FileAccess::kept;
};
/// The same for two files that belong together. Both are written before either is replaced, and the
/// first is put back when the second cannot be replaced, if another name could be had for it before
/// (a hard link), so what fails changes nothing. A crash between the two renames leaves one new and
/// one old.
[[nodiscard]] std::expected<void, std::string> replace_pair(const NewContent& first,
                                                            const NewContent& second);

/// Whether a file can be made in `folder`, which is made for its owner alone when it is missing.
/// The error names the folder and the reason.
[[nodiscard]] std::expected<void, std::string> check_writable(const std::string& folder);

}  // namespace aralez
