#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace aralez::testing {

/// One HTTP/1 message as a peer would read it. Written apart from codec/h1 on purpose: it judges
/// what that writes.
struct Http1Message {
  enum class State : std::uint8_t { head, body, complete, bad };

  State state = State::head;
  std::string start;   ///< request line or status line
  std::string fields;  ///< lines, each with its line end
  std::string body;    ///< as far as it is there
  std::string trailers;
  std::size_t bytes = 0;     ///< of the text, when complete
  bool until_end = false;    ///< ends with the connection
  bool keeps_alive = false;  ///< by what its fields say

  [[nodiscard]] bool complete() const { return state == State::complete; }
  [[nodiscard]] int status() const { return start.size() > 12 ? std::atoi(start.c_str() + 9) : 0; }
  /// Value of the first field of that name, which is lower case here.
  [[nodiscard]] std::optional<std::string> field(std::string_view name) const {
    for (std::size_t at = 0; at < fields.size();) {
      const std::size_t end = fields.find("\r\n", at);
      const std::size_t colon = fields.find(':', at);
      std::string found = fields.substr(at, colon - at);
      for (char& c : found) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      if (found == name) return fields.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return std::nullopt;
  }
};

/// How the end of a body is found when no field says so.
enum class Http1Rest : std::uint8_t { none, until_end, no_body_at_all };

namespace http1_detail {

inline void read_chunks(std::string_view text, std::size_t at, Http1Message& m) {
  using State = Http1Message::State;
  while (true) {
    const std::size_t line = text.find("\r\n", at);
    if (line == std::string_view::npos) return;
    std::size_t size = 0;
    const auto [end, ec] = std::from_chars(text.data() + at, text.data() + line, size, 16);
    if (ec != std::errc{} || end != text.data() + line) {
      m.state = State::bad;
      return;
    }
    at = line + 2;
    if (size == 0) break;
    m.body += text.substr(at, size);
    if (text.size() < at + size + 2) return;
    if (text.substr(at + size, 2) != "\r\n") {
      m.state = State::bad;
      return;
    }
    at += size + 2;
  }
  if (text.substr(at, 2) == "\r\n") {
    m.bytes = at + 2;
    m.state = State::complete;
    return;
  }
  const std::size_t end = text.find("\r\n\r\n", at);
  if (end == std::string_view::npos) return;
  m.trailers = text.substr(at, end + 2 - at);
  m.bytes = end + 4;
  m.state = State::complete;
}

}  // namespace http1_detail

/// Reads the message at the front of `text`. `ended`: nothing comes behind it.
inline Http1Message read_http1(std::string_view text, Http1Rest rest, bool ended) {
  using State = Http1Message::State;
  Http1Message m;
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return m;
  const std::size_t line = text.find("\r\n");
  m.start = text.substr(0, line);
  m.fields = text.substr(line + 2, head + 2 - line - 2 + (line == head ? 2 : 0));
  if (line == head) m.fields.clear();
  m.state = State::body;
  const std::size_t at = head + 4;
  const auto connection = m.field("connection");
  m.keeps_alive =
      m.start.find("HTTP/1.0") == std::string::npos && connection.value_or("") != "close";
  const int status = m.start.starts_with("HTTP/") ? m.status() : 0;
  const bool none = rest == Http1Rest::no_body_at_all || (status >= 100 && status < 200) ||
                    status == 204 || status == 304;
  const auto length = m.field("content-length");
  if (!none && m.field("transfer-encoding") && length) {
    m.state = State::bad;
  } else if (none || (!length && !m.field("transfer-encoding") && rest == Http1Rest::none)) {
    m.bytes = at;
    m.state = State::complete;
  } else if (length) {
    const std::size_t n = std::strtoull(length->c_str(), nullptr, 10);
    m.body = text.substr(at, n);
    m.bytes = at + n;
    if (m.body.size() == n) m.state = State::complete;
  } else if (m.field("transfer-encoding")) {
    http1_detail::read_chunks(text, at, m);
  } else {
    m.body = text.substr(at);
    m.until_end = true;
    m.bytes = text.size();
    if (ended) m.state = State::complete;
  }
  return m;
}

}  // namespace aralez::testing
