#include "files/media_type.h"

#include <array>
#include <utility>

#include "base/ascii.h"

namespace aralez {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;
constexpr std::array kTypes = {
    Entry{"avif", "image/avif"},       Entry{"bmp", "image/bmp"},
    Entry{"css", "text/css"},          Entry{"csv", "text/csv"},
    Entry{"gif", "image/gif"},         Entry{"gz", "application/gzip"},
    Entry{"htm", "text/html"},         Entry{"html", "text/html"},
    Entry{"ico", "image/x-icon"},      Entry{"jpeg", "image/jpeg"},
    Entry{"jpg", "image/jpeg"},        Entry{"js", "text/javascript"},
    Entry{"json", "application/json"}, Entry{"map", "application/json"},
    Entry{"md", "text/markdown"},      Entry{"mjs", "text/javascript"},
    Entry{"mp3", "audio/mpeg"},        Entry{"mp4", "video/mp4"},
    Entry{"ogg", "audio/ogg"},         Entry{"otf", "font/otf"},
    Entry{"pdf", "application/pdf"},   Entry{"png", "image/png"},
    Entry{"svg", "image/svg+xml"},     Entry{"tar", "application/x-tar"},
    Entry{"ttf", "font/ttf"},          Entry{"txt", "text/plain"},
    Entry{"wasm", "application/wasm"}, Entry{"wav", "audio/wav"},
    Entry{"webm", "video/webm"},       Entry{"webmanifest", "application/manifest+json"},
    Entry{"webp", "image/webp"},       Entry{"woff", "font/woff"},
    Entry{"woff2", "font/woff2"},      Entry{"xhtml", "application/xhtml+xml"},
    Entry{"xml", "text/xml"},          Entry{"yaml", "application/yaml"},
    Entry{"zip", "application/zip"},
};

}  // namespace

std::string_view media_type(std::string_view path) noexcept {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    const auto extension = name.substr(dot + 1);
    for (const auto& [known, type] : kTypes)
      if (iequals(known, extension)) return type;
  }
  return "application/octet-stream";
}

}  // namespace aralez
