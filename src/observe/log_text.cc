#include "observe/log_text.h"

#include <fmt/format.h>

#include <iterator>

namespace aralez {
namespace {

using Bytes = std::string_view;

unsigned char byte_at(Bytes text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

bool continues(Bytes text, std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
  return byte_at(text, i) >= low && byte_at(text, i) <= high;
}

/// Bytes of the character at the beginning of `text`; 0: it is not well-formed (RFC 3629
/// section 4). Pre: not empty.
std::size_t utf8_size(Bytes text) {
  const unsigned char c = byte_at(text, 0);
  if (c < 0x80) return 1;
  if (c < 0xc2 || c > 0xf4) return 0;
  if (c < 0xe0) return continues(text, 1) ? 2 : 0;
  if (c < 0xf0) {
    const bool second = continues(text, 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
    return second && continues(text, 2) ? 3 : 0;
  }
  const bool second = continues(text, 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
  return second && continues(text, 2) && continues(text, 3) ? 4 : 0;
}

/// Bytes that may stand as they are at the beginning of `text`. `also`: two that may not either.
std::size_t harmless(Bytes text, char also1 = '\0', char also2 = '\0') {
  std::size_t i = 0;
  while (i < text.size()) {
    const unsigned char c = byte_at(text, i);
    if (c < 0x20 || c == 0x7f || text[i] == also1 || text[i] == also2) break;
    const std::size_t n = utf8_size(text.substr(i));
    if (n == 0 || (c == 0xc2 && byte_at(text, i + 1) < 0xa0)) break;  // U+0080 to U+009F
    i += n;
  }
  return i;
}

void append_byte(std::string& out, char c) {
  fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t n = harmless(text);
    out += text.substr(0, n);
    if (n == text.size()) return;
    switch (text[n]) {
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: append_byte(out, text[n]);
    }
    text.remove_prefix(n + 1);
  }
}

void append_json_escaped(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t n = harmless(text, '"', '\\');
    out += text.substr(0, n);
    if (n == text.size()) return;
    const char c = text[n];
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte_at(text, n) < 0x80)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    else
      append_byte(out.append(1, '\\'), c);
    text.remove_prefix(n + 1);
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
