#include "observe/log_text.h"

#include <fmt/format.h>

#include <iterator>

namespace aralez {
namespace {

bool is_control(std::string_view text, std::size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  if (c < 0x20 || c == 0x7f) return true;
  if (c != 0xc2 || i + 1 == text.size()) return false;  // U+0080 to U+009F are C2 80 to C2 9F
  const auto next = static_cast<unsigned char>(text[i + 1]);
  return next >= 0x80 && next <= 0x9f;
}

void append_control(std::string& out, char c) {
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_control(text, i)) {
      out += text[i];
      continue;
    }
    append_control(out, text[i]);
    if (text[i] == '\xc2') append_control(out, text[++i]);
  }
}

void append_record(std::string& out, std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  while (true) {
    const auto end = text.find('\n');
    append_escaped(out, text.substr(0, end));
    if (end == std::string_view::npos) return;
    out += "\n  ";
    text.remove_prefix(end + 1);
  }
}

}  // namespace aralez
