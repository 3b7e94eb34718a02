#include "codec/h1/head_parser.h"

#include <algorithm>

#include "base/ascii.h"
#include "codec/h1/framing.h"
#include "http/field_rules.h"
#include "http/scan.h"

namespace aralez::h1 {
namespace {

constexpr auto kTargetChars = [] {
  std::array<bool, 256> t{};
  for (std::size_t c = 0x21; c <= 0x7e; ++c) t[c] = true;
  t['#'] = false;  // a fragment is never sent (RFC 9110 section 4.2.5)
  return t;
}();
constexpr std::size_t kMaxMethod = 64;

ParseResult bad(std::uint16_t status, std::string_view why, Reason reason) {
  return {Parse::bad, 0, {status, why, status == 502 ? Reason::upstream_protocol : reason}};
}
constexpr ParseResult kMore{Parse::more, 0, {}};

/// A position in the head. Every step answers done, more or bad.
struct Cursor {
  std::string_view text;
  std::size_t at = 0;

  [[nodiscard]] bool end() const { return at >= text.size(); }
  [[nodiscard]] std::string_view rest() const { return part(at, text.size() - at); }
  /// What substr() gives, without its look at bounds that the parser has just kept to.
  [[nodiscard]] std::string_view part(std::size_t from, std::size_t n) const {
    assert(from <= text.size() && n <= text.size() - from);
    return {text.data() + from, n};
  }
  /// Steps over a line end that is there whole and right, as nearly all are.
  [[nodiscard]] bool skip_line_end() {
    if (text.size() - at < 2 || text[at] != '\r' || text[at + 1] != '\n') return false;
    at += 2;
    return true;
  }

  /// CRLF and nothing else ends a line (RFC 9112 section 2.2 lets us refuse a bare LF).
  ParseResult line_end(std::uint16_t status) {
    if (end()) return kMore;
    if (text[at] != '\r')
      return bad(status, text[at] == '\n' ? "bare LF ends a line" : "control byte in a line",
                 Reason::bad_header);
    if (at + 1 >= text.size()) return kMore;
    if (text[at + 1] != '\n') return bad(status, "bare CR in a line", Reason::bad_header);
    at += 2;
    return {Parse::done, at, {}};
  }
};

/// Why the name that ends at `i` is none.
ParseResult bad_name(const Cursor& c, std::size_t i, std::uint16_t status) {
  const bool blank = c.text[i] == ' ' || c.text[i] == '\t';
  if (c.text[i] == ':') return bad(status, "empty header name", Reason::bad_header);
  if (blank && i == c.at) return bad(status, "folded header line", Reason::bad_header);
  if (blank) return bad(status, "white space before the colon", Reason::bad_header);
  return bad(status, "header name is not a token", Reason::bad_header);
}

/// Name and value of the field line at the cursor, which then stands at its line end. False: no
/// name ends at `stop`.
bool split_field(Cursor& c, Field& out, std::size_t& stop) {
  const char* const text = c.text.data();
  const std::size_t size = c.text.size();
  std::size_t i = c.at + name_run(text + c.at, size - c.at);
  bool underscore = false;
  for (; i < size && is_token_char(text[i]); ++i) underscore |= text[i] == '_';
  stop = i;
  if (i == size || text[i] != ':' || i == c.at) return false;
  out.name = c.part(c.at, i - c.at);
  out.underscore = underscore;
  if (++i < size && text[i] == ' ') ++i;
  const auto value = c.part(i, value_end(c.part(i, size - i)));
  c.at = i + value.size();
  out.value = trim_ows(value);
  return true;
}

/// Field lines up to and with the empty line.
ParseResult parse_fields(Cursor& c, const HeadLimits& limits, std::uint16_t status,
                         std::span<Field> storage, Fields& fields) {
  const std::size_t most = std::min(storage.size(), limits.fields);
  for (std::size_t n = 0;; ++n) {
    if (c.end()) return kMore;
    if (c.text[c.at] == '\r') {
      const auto line = c.line_end(status);
      if (line.outcome == Parse::done) fields = Fields(storage, n);
      return line;
    }
    if (n >= most) return bad(431, "too many header fields", Reason::too_many_headers);
    Field& field = storage[n];
    std::size_t stop = 0;
    if (!split_field(c, field, stop))
      return stop == c.text.size() ? kMore : bad_name(c, stop, status);
    if (!c.skip_line_end()) {
      if (const auto line = c.line_end(status); line.outcome != Parse::done) return line;
    }
    field.id = field_id(field.name);
  }
}

/// "HTTP/" digit "." digit; how far `text` goes.
ParseResult parse_version(std::string_view text, HttpVersion& version) {
  constexpr std::string_view kName = "HTTP/";
  const auto have = std::min(text.size(), kName.size());
  if (text.substr(0, have) != kName.substr(0, have))
    return bad(400, "no HTTP version in the first line", Reason::bad_request_line);
  if (text.size() < 8) return kMore;
  const auto digit = [](char ch) { return ch >= '0' && ch <= '9'; };
  if (!digit(text[5]) || text[6] != '.' || !digit(text[7]))
    return bad(400, "malformed HTTP version", Reason::bad_request_line);
  if (text[5] != '1') return bad(505, "HTTP major version is not 1", Reason::unsupported_version);
  version = text[7] == '0' ? HttpVersion::http10 : HttpVersion::http11;
  return {Parse::done, 8, {}};
}

/// Takes an absolute-form target apart (RFC 9112 section 3.2.2).
bool split_absolute(Head& head) {
  const auto colon = head.target.find("://");
  const auto scheme = head.target.substr(0, colon);
  if (colon == std::string_view::npos || !(iequals(scheme, "http") || iequals(scheme, "https")))
    return false;
  const auto rest = head.target.substr(colon + 3);
  const auto path = rest.find_first_of("/?");
  head.scheme = scheme;
  head.authority = rest.substr(0, path);
  if (path == std::string_view::npos)
    head.target = head.method == Method::options ? "*" : "/";
  else if (rest[path] == '/')
    head.target = rest.substr(path);
  else
    return false;
  return !head.authority.empty();
}

ParseResult check_target(Head& head) {
  if (head.method == Method::connect) return {Parse::done, 0, {}};  // answered 405 by the proxy
  if (head.target.starts_with('/')) return {Parse::done, 0, {}};
  if (head.target == "*")
    return head.method == Method::options ? ParseResult{Parse::done, 0, {}}
                                          : bad(400, "`*` is for OPTIONS only", Reason::bad_target);
  if (!split_absolute(head))
    return bad(400, "request target is neither a path nor an http URL", Reason::bad_target);
  return {Parse::done, 0, {}};
}

ParseResult parse_request_line(Cursor& c, const HeadLimits& limits, Head& head) {
  const std::string_view text = c.text;
  std::size_t i = 0;
  while (i < text.size() && is_token_char(text[i])) ++i;
  if (i > kMaxMethod) return bad(400, "method too long", Reason::bad_request_line);
  if (i == text.size()) return kMore;
  if (i == 0 || text[i] != ' ') return bad(400, "malformed method", Reason::bad_request_line);
  head.method_text = text.substr(0, i);
  head.method = method_of(head.method_text);

  const std::size_t start = ++i;
  i += target_run(text.data() + i, text.size() - i);
  while (i < text.size() && kTargetChars[static_cast<unsigned char>(text[i])]) ++i;
  if (i - start > limits.target) return bad(414, "request target too long", Reason::uri_too_long);
  if (i == text.size()) return kMore;
  if (i == start || text[i] != ' ') return bad(400, "malformed request target", Reason::bad_target);
  head.target = text.substr(start, i - start);

  const auto version = parse_version(text.substr(i + 1), head.version);
  if (version.outcome != Parse::done) return version;
  c.at = i + 1 + version.bytes;
  return c.line_end(400);
}

/// A head that does not end within the limit is as bad as one that is longer.
ParseResult bounded(ParseResult r, std::string_view text, const HeadLimits& limits,
                    std::string_view what) {
  if (r.outcome == Parse::more && text.size() > limits.bytes)
    return bad(431, what, Reason::head_too_large);
  if (r.outcome == Parse::done && r.bytes > limits.bytes)
    return bad(431, what, Reason::head_too_large);
  return r;
}

ParseResult request(std::string_view text, const HeadLimits& limits, std::span<Field> storage,
                    Head& head, Persistence& persistence) {
  Cursor c{text};
  if (const auto line = parse_request_line(c, limits, head); line.outcome != Parse::done)
    return line;
  const auto fields = parse_fields(c, limits, 400, storage, head.fields);
  if (fields.outcome != Parse::done) return fields;
  if (const auto target = check_target(head); target.outcome != Parse::done) return target;
  if (const auto error = apply_request_framing(head, persistence); error.status != 0)
    return {Parse::bad, 0, error};
  return {Parse::done, c.at, {}};
}

ParseResult status_line(Cursor& c, Head& head) {
  const auto version = parse_version(c.text, head.version);
  if (version.outcome != Parse::done) return version;
  const auto rest = c.text.substr(8);
  if (rest.size() < 4) return kMore;
  if (rest[0] != ' ') return bad(502, "malformed status line", Reason::upstream_protocol);
  int status = 0;
  for (const char ch : rest.substr(1, 3)) {
    if (ch < '0' || ch > '9') return bad(502, "malformed status code", Reason::upstream_protocol);
    status = status * 10 + (ch - '0');
  }
  if (status < 100 || status > 599)
    return bad(502, "status code out of range", Reason::upstream_protocol);
  head.status = static_cast<std::uint16_t>(status);
  c.at = 12;
  if (c.end()) return kMore;
  if (c.text[c.at] == ' ') {  // the blank may be missing when there is no reason phrase
    ++c.at;
    const auto n = value_end(c.rest());
    head.reason = c.text.substr(c.at, n);
    c.at += n;
  }
  return c.line_end(502);
}

ParseResult response(std::string_view text, const HeadLimits& limits, std::span<Field> storage,
                     Head& head, Persistence& persistence) {
  Cursor c{text};
  if (const auto line = status_line(c, head); line.outcome != Parse::done) return line;
  const auto fields = parse_fields(c, limits, 502, storage, head.fields);
  if (fields.outcome != Parse::done) return fields;
  if (const auto error = apply_response_framing(head, persistence); error.status != 0)
    return {Parse::bad, 0, error};
  return {Parse::done, c.at, {}};
}

}  // namespace

ParseResult parse_request(std::string_view text, const HeadLimits& limits, std::span<Field> storage,
                          Head& head, Persistence& persistence) {
  return bounded(request(text, limits, storage, head, persistence), text, limits,
                 "request head too large");
}

ParseResult parse_response(std::string_view text, const HeadLimits& limits,
                           std::span<Field> storage, Head& head, Persistence& persistence) {
  auto result = bounded(response(text, limits, storage, head, persistence), text, limits,
                        "response head too large");
  // What the steps share with requests knows the faults of clients only.
  if (result.outcome == Parse::bad) {
    result.error.status = 502;
    result.error.reason = Reason::upstream_protocol;
  }
  return result;
}

ParseResult parse_trailers(std::string_view text, const HeadLimits& limits,
                           std::span<Field> storage, Fields& trailers) {
  Cursor c{text};
  auto result =
      bounded(parse_fields(c, limits, 400, storage, trailers), text, limits, "trailers too large");
  if (result.outcome == Parse::done) {
    result.bytes = c.at;
    trailers.remove_if([](const Field& f) { return !allowed_in_trailers(f); });
  }
  return result;
}

}  // namespace aralez::h1
