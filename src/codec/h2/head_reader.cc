#include "codec/h2/head_reader.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/field_rules.h"
#include "http/scan.h"

namespace aralez::h2 {
namespace {

constexpr std::size_t kLineOverhead = 32;
constexpr std::size_t kMaxMethod = 64;

BlockVerdict refused(std::uint16_t status, std::string_view why, Reason reason) {
  return {BlockVerdict::Kind::refused, {status, why, reason}};
}
BlockVerdict bad(std::string_view why, Reason reason) {
  return {BlockVerdict::Kind::malformed, {0, why, reason}};
}

}  // namespace

void HeadReader::malformed(std::string_view why, Reason reason) {
  if (worst_.kind != BlockVerdict::Kind::malformed) worst_ = bad(why, reason);
}

void HeadReader::on_field(const FieldLine& line) {
  bytes_ += line.name.size() + line.value.size() + kLineOverhead;
  ++lines_;
  if (worst_.kind != BlockVerdict::Kind::good) return;  // the rest is only decoded
  if (bytes_ > limits_.bytes) {
    worst_ = refused(431, "header block too large", Reason::head_too_large);
    return;
  }
  if (!line.is.good_value) return malformed("character not allowed in a field value");
  if (is_pseudo(line.is.name)) return take_pseudo(line.is.name, line.value);

  regular_ = true;
  if (line.is.name == NameKind::bad) return malformed("field name is not a token in lower case");
  const FieldId id = line.is.id;
  if (take_framing(id, line.value)) return;
  if (fields_ == std::min(storage_.size(), limits_.lines)) {
    worst_ = refused(431, "too many header fields", Reason::too_many_headers);
    return;
  }
  const auto [name, value] = keep(line.name, line.value);
  if (id == FieldId::host) {
    ++hosts_;
    host_ = value;
  }
  cookies_ += id == FieldId::cookie;
  storage_[fields_++] = {name, value, id, line.is.name == NameKind::underscore};
}

void HeadReader::add(std::string_view name, std::string_view value, FieldId id) {
  if (fields_ == storage_.size()) return;
  const Kept kept = keep(name, value);
  storage_[fields_++] = {kept.name, kept.value, id};
}

void HeadReader::take_pseudo(NameKind kind, std::string_view value) {
  if (kind == NameKind::unknown_pseudo) return malformed("unknown pseudo-header");
  const auto i = static_cast<std::size_t>(kind);
  const unsigned bit = 1U << i;
  if (seen_ & bit) return malformed("repeated pseudo-header");
  if (regular_) return malformed("pseudo-header behind a field");
  seen_ |= bit;
  pseudo_[i] = keep(value);
}

bool HeadReader::take_framing(FieldId id, std::string_view value) {
  switch (id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: malformed("connection-specific field", Reason::bad_framing); return true;
    case FieldId::te:
      if (!iequals(value, "trailers")) malformed("TE other than trailers", Reason::bad_framing);
      return true;
    case FieldId::content_length:
      if (has_length_ || !parse_length(value, length_))
        malformed("Content-Length repeated or not a number", Reason::bad_framing);
      has_length_ = true;
      return true;
    case FieldId::expect:
      ++expects_;
      expect_ = iequals(value, "100-continue") ? "100-continue" : "other";
      return true;
    default: return false;
  }
}

std::string_view HeadReader::keep(std::string_view text) {
  if (text.empty()) return {};
  if (!block_ || block_->capacity - used_ < text.size()) relocate(used_ + text.size());
  std::byte* const to = block_.bytes().data() + used_;
  std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  return {reinterpret_cast<const char*>(to), text.size()};
}

HeadReader::Kept HeadReader::keep(std::string_view name, std::string_view value) {
  // In one piece: the second could move what was kept first.
  const std::size_t size = name.size() + value.size();
  if (!block_ || block_->capacity - used_ < size) relocate(used_ + size);
  const std::string_view kept_name = keep(name);
  return {kept_name, keep(value)};
}

void HeadReader::relocate(std::size_t need) {
  const BlockRef old = std::exchange(
      block_, pool_.take_sized(block_ ? std::max(need, limits_.bytes) : std::size_t{1}));
  if (block_->capacity < need) block_ = pool_.take_sized(need);
  if (!old) return;
  std::memcpy(block_.bytes().data(), old.bytes().data(), used_);
  const char* const from = reinterpret_cast<const char*>(old.bytes().data());
  const char* const to = reinterpret_cast<const char*>(block_.bytes().data());
  const auto follow = [from, to](std::string_view& s) {
    if (!s.empty()) s = {to + (s.data() - from), s.size()};
  };
  for (std::string_view& s : pseudo_) follow(s);
  follow(host_);
  for (Field& f : storage_.first(fields_)) {
    follow(f.name);
    follow(f.value);
  }
}

/// A client may send one line per cookie (RFC 9113 section 8.2.3); everybody else reads one.
void HeadReader::join_cookies() {
  if (cookies_ < 2) return;
  std::size_t size = 0;
  for (const Field& f : storage_.first(fields_))
    if (f.id == FieldId::cookie) size += f.value.size() + 2;
  if (block_->capacity - used_ < size) relocate(used_ + size);
  const std::size_t start = used_;
  Field* first = nullptr;
  for (Field& f : storage_.first(fields_)) {
    if (f.id != FieldId::cookie) continue;
    if (!first)
      first = &f;
    else
      static_cast<void>(keep("; "));
    static_cast<void>(keep(f.value));
  }
  first->value = as_text(block_.bytes().subspan(start, used_ - start));
  const auto all = storage_.first(fields_);
  const auto end = std::remove_if(all.begin(), all.end(), [first](const Field& f) {
    return f.id == FieldId::cookie && f.value.data() != first->value.data();
  });
  fields_ = static_cast<std::size_t>(end - all.begin());
}

BlockVerdict HeadReader::common(Head& head) {
  if (worst_.kind != BlockVerdict::Kind::good) return worst_;
  join_cookies();
  head.version = HttpVersion::http2;
  head.fields = Fields(storage_, fields_);
  head.pin = block_;
  if (block_) head.raw = as_text(block_.bytes().first(used_));
  return {};
}

void HeadReader::body_length(Head& head, End end) {
  if (has_length_)
    head.length = BodyLength::of(length_);
  else if (end == End::no)
    head.length = BodyLength::until_end();
}

BlockVerdict HeadReader::target(Head& head) {
  const auto method = pseudo(NameKind::method);
  if (!is_token(method) || method.size() > kMaxMethod)
    return bad(":method is missing or malformed", Reason::bad_request_line);
  head.method_text = method;
  head.method = method_of(method);
  head.authority = pseudo(NameKind::authority);
  const bool tunnel = has(NameKind::protocol);
  if (head.method == Method::connect && !tunnel) {
    if (has(NameKind::scheme) || has(NameKind::path) || head.authority.empty())
      return bad("CONNECT with a target", Reason::bad_target);
    head.target = head.authority;
    return {};
  }
  if (tunnel && head.method != Method::connect)
    return bad(":protocol without CONNECT", Reason::bad_request_line);
  head.scheme = pseudo(NameKind::scheme);
  if (head.scheme != "http" && head.scheme != "https")
    return bad(":scheme is missing or not http", Reason::bad_target);
  head.target = pseudo(NameKind::path);
  const bool star = head.target == "*" && head.method == Method::options;
  if (!star && !head.target.starts_with('/'))
    return bad(":path is missing or not a path", Reason::bad_target);
  if (target_end(head.target) != head.target.size())
    return bad("character not allowed in :path", Reason::bad_target);
  if (head.target.size() > limits_.target)
    return refused(414, "request target too long", Reason::uri_too_long);
  if (!tunnel) return {};
  if (!carried_upgrade(pseudo(NameKind::protocol)))
    return refused(501, "protocol not carried", Reason::unsupported_method);
  // What RFC 8441 makes of an HTTP/1.1 Upgrade, turned back: the exchange knows one kind of tunnel.
  head.method = Method::get;
  head.method_text = "GET";
  head.upgrade = pseudo(NameKind::protocol);
  return {};
}

BlockVerdict HeadReader::request(Head& head, End end) {
  if (const auto v = common(head); v.kind != BlockVerdict::Kind::good) return v;
  if (has(NameKind::status)) return bad(":status in a request", Reason::bad_request_line);
  if (const auto v = target(head); v.kind != BlockVerdict::Kind::good) return v;
  if (hosts_ > 1) return bad("more than one Host", Reason::bad_host);
  if (head.authority.empty()) head.authority = host_;
  if (head.authority.empty()) return refused(400, "no :authority and no Host", Reason::no_host);
  body_length(head, end);
  if (end == End::yes && has_length_ && length_ > 0)
    return bad("body announced and not there", Reason::bad_framing);
  if (!head.upgrade.empty()) {
    if (end == End::yes || has_length_)
      return bad("tunnel with a body length", Reason::bad_framing);
    head.length = BodyLength{};
  }
  if (expects_ > 0) {
    if (expects_ > 1 || expect_ != "100-continue")
      return refused(417, "expectation other than 100-continue", Reason::expectation_failed);
    head.expect_continue = end == End::no && head.upgrade.empty();
  }
  return {};
}

BlockVerdict HeadReader::response(Head& head, End end) {
  if (const auto v = common(head); v.kind != BlockVerdict::Kind::good) return v;
  if (seen_ != 1U << static_cast<unsigned>(NameKind::status))
    return bad("pseudo-headers of a response are not :status alone", Reason::upstream_protocol);
  const auto status = pseudo(NameKind::status);
  const bool digits = status.size() == 3 && std::all_of(status.begin(), status.end(), [](char c) {
                        return c >= '0' && c <= '9';
                      });
  if (!digits) return bad("malformed :status", Reason::upstream_protocol);
  head.status = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 +
                                           (status[2] - '0'));
  if (head.status < 100 || head.status > 599 || head.status == 101)
    return bad(":status out of range", Reason::upstream_protocol);
  if (head.interim() && end == End::yes)
    return bad("interim response that ends its stream", Reason::upstream_protocol);
  body_length(head, end);
  return {};
}

BlockVerdict HeadReader::trailers(Fields& fields, BlockRef& pin) {
  if (worst_.kind != BlockVerdict::Kind::good) return worst_;
  if (seen_ != 0) return bad("pseudo-header in trailers", Reason::bad_header);
  fields = Fields(storage_, fields_);
  fields.remove_if([](const Field& f) { return !allowed_in_trailers(f); });
  pin = block_;
  return {};
}

}  // namespace aralez::h2
