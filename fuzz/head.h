#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "check.h"
#include "codec/h1/head_parser.h"
#include "codec/h1/writer.h"

namespace aralez::fuzz {

/// Small, so that inputs of a few kilobytes reach every limit.
constexpr h1::HeadLimits kLimits{2048, 24, 512};
/// What the proxy adds to a head must not make it fail the second time.
constexpr h1::HeadLimits kWideLimits{64 * 1024, 40, 16 * 1024};

using ParseFn = h1::ParseResult (*)(std::string_view, const h1::HeadLimits&, std::span<Field>,
                                    Head&, h1::Persistence&);

/// One reading of one text, of which it keeps a copy of its own.
class Reading {
 public:
  Reading(ParseFn parse, std::string_view text, const h1::HeadLimits& limits)
      : text_(exact(text)), result(parse(view(text_), limits, storage_, head, persistence)) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  std::vector<char> text_;
  std::vector<Field> storage_ = std::vector<Field>(40);

 public:
  Head head;
  h1::Persistence persistence;
  h1::ParseResult result;
};

inline bool same_fields(const Fields& a, const Fields& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Field& x, const Field& y) {
    return x.name == y.name && x.value == y.value && x.id == y.id && x.underscore == y.underscore;
  });
}
inline bool same_head(const Head& a, const Head& b) {
  return a.method == b.method && a.method_text == b.method_text && a.target == b.target &&
         a.scheme == b.scheme && a.authority == b.authority && a.status == b.status &&
         a.reason == b.reason && a.version == b.version && a.upgrade == b.upgrade &&
         a.expect_continue == b.expect_continue && a.length.kind == b.length.kind &&
         a.length.bytes == b.length.bytes && same_fields(a.fields, b.fields);
}

/// A head that arrives in pieces is read like one that arrives whole.
inline void check_pieces(ParseFn parse, std::string_view text, const Reading& whole) {
  using h1::Parse;
  const auto& r = whole.result;
  Dice dice(text.size());
  const std::size_t step = text.size() <= 256 ? 1 : text.size() / 64;
  for (std::size_t n = 0; n < text.size(); n += step == 1 ? 1 : dice.roll(step)) {
    const Reading part(parse, text.substr(0, n), kLimits);
    const auto& p = part.result;
    if (r.outcome == Parse::done) {
      require((p.outcome == Parse::done) == (n >= r.bytes), "a head is done when its end is there");
      require(n >= r.bytes || p.outcome == Parse::more, "a good head is never bad in pieces");
      if (p.outcome == Parse::done)
        require(p.bytes == r.bytes && same_head(part.head, whole.head),
                "bytes behind a head do not change it");
    } else {
      require(p.outcome != Parse::done, "more bytes never turn a good head bad");
      require(p.outcome == Parse::more || r.outcome == Parse::bad,
              "a head that is bad stays bad when more of it comes");
    }
  }
}

inline h1::WireFraming framing_of(const Head& head) {
  h1::WireFraming f;
  using Kind = BodyLength::Kind;
  if (head.length.kind == Kind::unknown) f.mode = h1::BodyMode::chunked;
  if (head.length.kind == Kind::known) {
    f.mode = h1::BodyMode::length;
    f.write_length = true;
    f.length = head.length.bytes;
  }
  if (!head.upgrade.empty()) {
    f.connection = "Upgrade";
    f.upgrade = head.upgrade;
  }
  f.expect_continue = head.expect_continue;
  return f;
}

/// What holds of the head of any message that was accepted.
inline void check_accepted(const Head& head) {
  for (const Field& f : head.fields) {
    require(is_token(f.name), "a field name is a token");
    require(f.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
            "no field value holds CR, LF or NUL");
    require(trim_ows(f.value) == f.value, "field values have no blanks around them");
    switch (f.id) {
      case FieldId::connection:
      case FieldId::content_length:
      case FieldId::expect:
      case FieldId::keep_alive:
      case FieldId::proxy_connection:
      case FieldId::te:
      case FieldId::transfer_encoding:
      case FieldId::upgrade: require(false, "no hop-by-hop field is left in a head"); break;
      default: break;
    }
  }
}

}  // namespace aralez::fuzz
