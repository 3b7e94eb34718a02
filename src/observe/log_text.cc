#include "observe/log_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/utf8.h"

namespace aralez {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// ASCII that may stand as it is.
using Plain = std::array<bool, 256>;
consteval Plain plain_but(std::string_view not_these) {
  Plain plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = true;
  for (const char c : not_these) plain[static_cast<unsigned char>(c)] = false;
  return plain;
}
constexpr Plain kInLine = plain_but("");
constexpr Plain kInWord = plain_but(" ");
constexpr Plain kInJson = plain_but("\"\\");

/// Bytes at the beginning of `text` that may stand as they are.
std::size_t harmless(std::string_view text, const Plain& plain) {
  std::size_t i = 0;
  while (true) {
    while (i < text.size() && plain[static_cast<unsigned char>(text[i])]) ++i;
    if (byte_at(text, i) < 0x80) return i;
    const std::size_t n = utf8_length(text.substr(i));
    if (n == 0 || (byte_at(text, i) == 0xc2 && byte_at(text, i + 1) < 0xa0))
      return i;  // U+0080 to U+009F are controls
    i += n;
  }
}

void append_byte(std::string& out, char c) {
  fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
}

void append_plain(std::string& out, std::string_view text, const Plain& plain) {
  while (true) {
    const std::size_t n = harmless(text, plain);
    out.append(text.data(), n);
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

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  append_plain(out, text, kInLine);
}

void append_escaped_word(std::string& out, std::string_view text) {
  append_plain(out, text, kInWord);
}

void append_json_escaped(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t n = harmless(text, kInJson);
    out.append(text.data(), n);
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
