#include "codec/h1/head_parser.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "codec/h1/framing.h"
#include "http/field_rules.h"
#include "http/scan.h"

namespace aralez::h1 {
namespace {

constexpr std::size_t kMaxMethod = 64;

/// A position in the head. Every step answers done, more or bad; what is wrong stands in `error`.
struct Cursor {
  const char* at;
  const char* end;
  HeadError error{};

  explicit Cursor(std::string_view text) : at(text.data()), end(text.data() + text.size()) {}

  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end - at); }
  /// Steps to `to`; what lies between.
  std::string_view take(const char* to) {
    assert(at <= to && to <= end);
    const std::string_view part(at, static_cast<std::size_t>(to - at));
    at = to;
    return part;
  }
  Parse bad(std::uint16_t status, std::string_view why, Reason reason) {
    error = {status, why, reason};
    return Parse::bad;
  }

  /// CRLF and nothing else ends a line (RFC 9112 section 2.2 lets us refuse a bare LF).
  Parse line_end(std::uint16_t status) {
    if (left() >= 2 && at[0] == '\r' && at[1] == '\n') [[likely]] {
      at += 2;
      return Parse::done;
    }
    return odd_line_end(status);
  }
  [[gnu::cold]] Parse odd_line_end(std::uint16_t status) {
    if (at == end) return Parse::more;
    if (*at != '\r')
      return bad(status, *at == '\n' ? "bare LF ends a line" : "control byte in a line",
                 Reason::bad_header);
    if (left() < 2) return Parse::more;
    return bad(status, "bare CR in a line", Reason::bad_header);
  }
};

/// Why the name that ends at `stop` is none.
[[gnu::cold]] Parse bad_name(Cursor& c, const char* stop, std::uint16_t status) {
  if (stop == c.end) return Parse::more;
  const bool blank = *stop == ' ' || *stop == '\t';
  if (*stop == ':') return c.bad(status, "empty header name", Reason::bad_header);
  if (blank && stop == c.at) return c.bad(status, "folded header line", Reason::bad_header);
  if (blank) return c.bad(status, "white space before the colon", Reason::bad_header);
  return c.bad(status, "header name is not a token", Reason::bad_header);
}

/// The value at the cursor, without the white space around it (RFC 9112 section 5.1).
std::string_view take_value(Cursor& c) {
  while (c.at != c.end && (*c.at == ' ' || *c.at == '\t')) ++c.at;
  const char* const begin = c.at;
  c.at += value_end({c.at, c.left()});
  const char* last = c.at;
  while (last != begin && (last[-1] == ' ' || last[-1] == '\t')) --last;
  return {begin, static_cast<std::size_t>(last - begin)};
}

/// Field lines up to and with the empty line.
Parse parse_fields(Cursor& c, const HeadLimits& limits, std::uint16_t status,
                   std::span<Field> storage, Fields& fields) {
  const std::size_t most = std::min(storage.size(), limits.fields);
  FieldSet seen;
  for (std::size_t n = 0;; ++n) {
    if (c.at == c.end) return Parse::more;
    if (*c.at == '\r') {
      fields = Fields(storage, n, seen);
      return c.line_end(status);
    }
    if (n >= most) return c.bad(431, "too many header fields", Reason::too_many_headers);
    Field& field = storage[n];
    const char* stop = c.at + name_run(c.at, c.left());
    bool underscore = false;
    for (; stop != c.end && is_token_char(*stop); ++stop) underscore |= *stop == '_';
    if (stop == c.end || *stop != ':' || stop == c.at) return bad_name(c, stop, status);
    field.name = c.take(stop);
    ++c.at;
    field.value = take_value(c);
    field.id = field_id(field.name);
    field.underscore = underscore;
    seen.add(field);
    if (const Parse line = c.line_end(status); line != Parse::done) return line;
  }
}

/// "HTTP/" digit "." digit.
Parse parse_version(Cursor& c, HttpVersion& version) {
  constexpr std::string_view kName = "HTTP/";
  constexpr std::string_view kUsual = "HTTP/1.1";
  if (c.left() >= kUsual.size() && std::memcmp(c.at, kUsual.data(), kUsual.size()) == 0)
      [[likely]] {
    version = HttpVersion::http11;
    c.at += kUsual.size();
    return Parse::done;
  }
  const auto have = std::min(c.left(), kName.size());
  if (std::string_view(c.at, have) != kName.substr(0, have))
    return c.bad(400, "no HTTP version in the first line", Reason::bad_request_line);
  if (c.left() < 8) return Parse::more;
  const auto digit = [](char ch) { return ch >= '0' && ch <= '9'; };
  if (!digit(c.at[5]) || c.at[6] != '.' || !digit(c.at[7]))
    return c.bad(400, "malformed HTTP version", Reason::bad_request_line);
  if (c.at[5] != '1') return c.bad(505, "HTTP major version is not 1", Reason::unsupported_version);
  version = c.at[7] == '0' ? HttpVersion::http10 : HttpVersion::http11;
  c.at += 8;
  return Parse::done;
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
  else
    head.target = rest.substr(path);
  return !head.authority.empty();
}

Parse check_target(Cursor& c, Head& head) {
  if (head.target.front() == '/' || head.method == Method::connect) [[likely]]
    return Parse::done;  // the proxy answers CONNECT with 405
  if (head.target == "*")
    return head.method == Method::options
               ? Parse::done
               : c.bad(400, "`*` is for OPTIONS only", Reason::bad_target);
  if (!split_absolute(head))
    return c.bad(400, "request target is neither a path nor an http URL", Reason::bad_target);
  return Parse::done;
}

Parse parse_request_line(Cursor& c, const HeadLimits& limits, Head& head) {
  const char* stop = c.at;
  while (stop != c.end && is_token_char(*stop)) ++stop;
  if (static_cast<std::size_t>(stop - c.at) > kMaxMethod)
    return c.bad(400, "method too long", Reason::bad_request_line);
  if (stop == c.end) return Parse::more;
  if (stop == c.at || *stop != ' ') return c.bad(400, "malformed method", Reason::bad_request_line);
  head.method_text = c.take(stop);
  head.method = method_of(head.method_text);
  ++c.at;

  stop = c.at + target_end({c.at, c.left()});
  if (static_cast<std::size_t>(stop - c.at) > limits.target)
    return c.bad(414, "request target too long", Reason::uri_too_long);
  if (stop == c.end) return Parse::more;
  if (stop == c.at || *stop != ' ')
    return c.bad(400, "malformed request target", Reason::bad_target);
  head.target = c.take(stop);
  ++c.at;

  if (const Parse version = parse_version(c, head.version); version != Parse::done) return version;
  return c.line_end(400);
}

Parse status_line(Cursor& c, Head& head) {
  if (const Parse version = parse_version(c, head.version); version != Parse::done) return version;
  if (c.left() < 4) return Parse::more;
  if (*c.at != ' ') return c.bad(502, "malformed status line", Reason::upstream_protocol);
  int status = 0;
  for (int i = 1; i <= 3; ++i) {
    if (c.at[i] < '0' || c.at[i] > '9')
      return c.bad(502, "malformed status code", Reason::upstream_protocol);
    status = status * 10 + (c.at[i] - '0');
  }
  if (status < 100 || status > 599)
    return c.bad(502, "status code out of range", Reason::upstream_protocol);
  head.status = static_cast<std::uint16_t>(status);
  c.at += 4;
  if (c.at == c.end) return Parse::more;
  if (*c.at == ' ') {  // the blank may be missing when there is no reason phrase
    ++c.at;
    head.reason = c.take(c.at + value_end({c.at, c.left()}));
  }
  return c.line_end(502);
}

/// What the steps have said, as a result. A head that does not end within the limit is as bad as
/// one that is longer.
ParseResult result_of(Parse step, const Cursor& c, std::string_view text, const HeadLimits& limits,
                      std::string_view too_large) {
  const std::size_t bytes = text.size() - c.left();
  const std::size_t known = step == Parse::more ? text.size() : bytes;
  if (step != Parse::bad && known > limits.bytes)
    return {Parse::bad, 0, {431, too_large, Reason::head_too_large}};
  return {step, step == Parse::done ? bytes : 0, c.error};
}

Parse request(Cursor& c, const HeadLimits& limits, std::span<Field> storage, Head& head,
              Persistence& persistence) {
  if (const Parse line = parse_request_line(c, limits, head); line != Parse::done) return line;
  if (const Parse fields = parse_fields(c, limits, 400, storage, head.fields);
      fields != Parse::done)
    return fields;
  if (const Parse target = check_target(c, head); target != Parse::done) return target;
  c.error = apply_request_framing(head, persistence);
  return c.error.status == 0 ? Parse::done : Parse::bad;
}

Parse response(Cursor& c, const HeadLimits& limits, std::span<Field> storage, Head& head,
               Persistence& persistence) {
  if (const Parse line = status_line(c, head); line != Parse::done) return line;
  if (const Parse fields = parse_fields(c, limits, 502, storage, head.fields);
      fields != Parse::done)
    return fields;
  c.error = apply_response_framing(head, persistence);
  return c.error.status == 0 ? Parse::done : Parse::bad;
}

}  // namespace

ParseResult parse_request(std::string_view text, const HeadLimits& limits, std::span<Field> storage,
                          Head& head, Persistence& persistence) {
  Cursor c(text);
  const Parse step = request(c, limits, storage, head, persistence);
  return result_of(step, c, text, limits, "request head too large");
}

ParseResult parse_response(std::string_view text, const HeadLimits& limits,
                           std::span<Field> storage, Head& head, Persistence& persistence) {
  Cursor c(text);
  const Parse step = response(c, limits, storage, head, persistence);
  auto result = result_of(step, c, text, limits, "response head too large");
  // What the steps share with requests knows the faults of clients only.
  if (result.outcome == Parse::bad) {
    result.error.status = 502;
    result.error.reason = Reason::upstream_protocol;
  }
  return result;
}

ParseResult parse_trailers(std::string_view text, const HeadLimits& limits,
                           std::span<Field> storage, Fields& trailers) {
  Cursor c(text);
  const Parse step = parse_fields(c, limits, 400, storage, trailers);
  const auto result = result_of(step, c, text, limits, "trailers too large");
  if (result.outcome == Parse::done)
    trailers.remove_if([](const Field& f) { return !allowed_in_trailers(f); });
  return result;
}

}  // namespace aralez::h1
