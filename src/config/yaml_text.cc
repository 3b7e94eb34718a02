#include "config/yaml_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace aralez {
namespace {

bool is_marker(std::string_view line, std::string_view marker) {
  if (!line.starts_with(marker)) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

bool is_content(std::string_view line) {
  const auto at = line.find_first_not_of(" \t\r");
  return at != std::string_view::npos && line[at] != '#' && line.front() != '%';
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<unsigned char>(text[i]);
    if ((b < 0x20 && b != '\t' && b != '\n' && b != '\r') || b == 0x7f) return i;
    const std::size_t n = utf8_length(text.substr(i));
    if (n == 0) return i;
    i += n;
  }
  return std::nullopt;
}

std::string_view first_document(std::string_view text) {
  bool begun = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    const bool start = is_marker(line, "---");
    if (begun && (start || is_marker(line, "..."))) return text.substr(0, at);
    begun = begun || start || (is_content(line) && !is_marker(line, "..."));
    at = end + 1;
  }
  return text;
}

std::optional<std::size_t> second_document(std::string_view text) {
  for (std::size_t at = first_document(text).size(); at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    if (is_content(line) && line.find_first_not_of("-. \t\r") != std::string_view::npos) return at;
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace aralez
