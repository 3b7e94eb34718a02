#include "codec/h1/framing.h"

#include "base/ascii.h"
#include "http/field_rules.h"

namespace aralez::h1 {
namespace {

/// What the fields about the connection say, gathered in one pass.
struct Seen {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned codings = 0;
  unsigned connections = 0;
  std::string_view host;
  std::string_view length;
  std::string_view coding;
  std::string_view upgrade;
  std::string_view expect;
  unsigned expects = 0;
};

constexpr FieldSet kHopByHop{FieldId::connection, FieldId::content_length,   FieldId::expect,
                             FieldId::keep_alive, FieldId::proxy_connection, FieldId::te,
                             FieldId::upgrade,    FieldId::transfer_encoding};
constexpr FieldSet kLookedAt{FieldId::host,    FieldId::content_length, FieldId::transfer_encoding,
                             FieldId::upgrade, FieldId::connection,     FieldId::expect};

Seen look(const Fields& fields) {
  Seen s;
  for (const Field& f : fields) {
    if (!kLookedAt.has(f.id)) continue;
    switch (f.id) {
      case FieldId::host:
        ++s.hosts;
        s.host = f.value;
        break;
      case FieldId::content_length:
        ++s.lengths;
        s.length = f.value;
        break;
      case FieldId::transfer_encoding:
        ++s.codings;
        s.coding = f.value;
        break;
      case FieldId::connection: ++s.connections; break;
      case FieldId::upgrade: s.upgrade = f.value; break;
      case FieldId::expect:
        ++s.expects;
        s.expect = f.value;
        break;
      default: break;
    }
  }
  return s;
}

/// Names that `Connection` cannot remove: somebody's policy rests on them (threats row 15).
bool protected_from_connection(const Field& f) noexcept {
  switch (f.id) {
    case FieldId::authorization:
    case FieldId::cookie:
    case FieldId::content_type:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::x_api_key:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip: return true;
    default: return false;
  }
}

void remove_hop_by_hop(Fields& fields, const Seen& seen) {
  if (seen.connections > 0) {
    // The Connection values are views into the head, so they outlive the removal of other fields.
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Field connection = *(fields.begin() + i);
      if (connection.id != FieldId::connection) continue;
      for_each_element(connection.value, [&](std::string_view name) {
        if (iequals(name, "close") || iequals(name, "keep-alive") || iequals(name, "upgrade"))
          return;
        for (Field& f : fields)
          if (iequals(f.name, name) && f.id != FieldId::connection && !protected_from_connection(f))
            f.id = FieldId::te;  // goes with the rest below
      });
    }
  }
  fields.remove_if([](const Field& f) { return kHopByHop.has(f.id); });
}

void read_connection(const Fields& fields, Head& head, Persistence& p) {
  bool close = false;
  bool keep = false;
  for (const Field& f : fields) {
    if (f.id != FieldId::connection) continue;
    for_each_element(f.value, [&](std::string_view option) {
      if (iequals(option, "close"))
        close = true;
      else if (iequals(option, "keep-alive"))
        keep = true;
      else if (iequals(option, "upgrade"))
        p.upgrade = true;
    });
  }
  p.keep_alive = !close && (keep || head.version != HttpVersion::http10);
}

/// Reads the framing fields into head.length; none of them leaves it as it is.
HeadError read_length(const Seen& s, Head& head, std::uint16_t status) {
  if (s.codings > 0) {
    if (s.lengths > 0)
      return {status, "both Transfer-Encoding and Content-Length", Reason::bad_framing};
    if (head.version == HttpVersion::http10)
      return {status, "Transfer-Encoding in HTTP/1.0", Reason::bad_framing};
    if (s.codings > 1) return {status, "repeated Transfer-Encoding", Reason::bad_framing};
    if (!iequals(s.coding, "chunked")) {
      const auto last = trim_ows(s.coding.substr(s.coding.rfind(',') + 1));
      if (iequals(last, "chunked") && s.coding.find(',') != std::string_view::npos) {
        unsigned chunked = 0;
        for_each_element(s.coding, [&](std::string_view c) { chunked += iequals(c, "chunked"); });
        if (chunked > 1) return {status, "chunked applied twice", Reason::bad_framing};
      }
      const bool token_list = is_token(last);
      return {token_list && status == 400 ? std::uint16_t{501} : status,
              "transfer coding not supported", Reason::unsupported_coding};
    }
    head.length = BodyLength::until_end();
    return {};
  }
  if (s.lengths == 0) return {};
  if (s.lengths > 1) return {status, "repeated Content-Length", Reason::bad_framing};
  std::uint64_t n = 0;
  if (!parse_length(s.length, n))
    return {status, "Content-Length is not a number", Reason::bad_framing};
  head.length = BodyLength::of(n);
  return {};
}

}  // namespace

HeadError apply_request_framing(Head& head, Persistence& p) {
  const Seen s = look(head.fields);
  if (s.hosts > 1) return {400, "more than one Host", Reason::bad_host};
  if (s.hosts == 0 && head.version != HttpVersion::http10) return {400, "no Host", Reason::no_host};
  if (head.authority.empty()) head.authority = s.host;
  p = {.keep_alive = head.version != HttpVersion::http10};
  if (!head.fields.kinds().meets(kHopByHop)) return {};

  if (const auto error = read_length(s, head, 400); error.status != 0) return error;
  if (s.expects > 0 && head.version != HttpVersion::http10) {
    if (s.expects > 1 || !iequals(s.expect, "100-continue"))
      return {417, "expectation other than 100-continue", Reason::expectation_failed};
    // Without a body to wait for, there is nothing to expect.
    head.expect_continue = head.length.kind == BodyLength::Kind::unknown || head.length.bytes > 0;
  }
  if (s.connections > 0) read_connection(head.fields, head, p);
  const bool body = head.length.kind == BodyLength::Kind::unknown || head.length.bytes > 0;
  if (p.upgrade && !body && head.version == HttpVersion::http11 && carried_upgrade(s.upgrade))
    head.upgrade = s.upgrade;
  remove_hop_by_hop(head.fields, s);
  return {};
}

HeadError apply_response_framing(Head& head, Persistence& p) {
  p = {.keep_alive = head.version != HttpVersion::http10};
  head.length = BodyLength{};
  if (!head.fields.kinds().meets(kHopByHop)) return {};
  const Seen s = look(head.fields);
  if (const auto error = read_length(s, head, 502); error.status != 0) return error;
  if (s.connections > 0) read_connection(head.fields, head, p);
  if (head.status == 101) head.upgrade = s.upgrade;
  remove_hop_by_hop(head.fields, s);
  return {};
}

}  // namespace aralez::h1
