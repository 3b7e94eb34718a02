#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aralez {

struct FileText {
  enum class Status : std::uint8_t { ok, missing, unreadable };

  Status status = Status::unreadable;
  std::string text;    ///< when ok; one byte more than the cap at most, so that an excess shows
  std::string reason;  ///< when not ok, in words
};

/// `regular`: a pipe or a device is unreadable, and nobody waits for one.
enum class FileRule : std::uint8_t { any, regular };

/// Reads a whole file, but no more than `cap` + 1 bytes. A folder is unreadable. Never throws.
[[nodiscard]] FileText read_text_file(const std::string& path, std::size_t cap,
                                      FileRule rule = FileRule::any);

}  // namespace aralez
