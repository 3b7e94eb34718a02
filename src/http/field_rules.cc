#include "http/field_rules.h"

#include <charconv>
#include <limits>

namespace aralez {

bool allowed_in_trailers(const Field& f) noexcept {
  switch (f.id) {
    case FieldId::aralez_question:
    case FieldId::authorization:
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::content_range:
    case FieldId::content_type:
    case FieldId::cookie:
    case FieldId::expect:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::keep_alive:
    case FieldId::proxy:
    case FieldId::proxy_connection:
    case FieldId::set_cookie:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::x_api_key:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip: return false;
    default: return !f.underscore;
  }
}

bool carried_upgrade(std::string_view protocol) noexcept {
  return is_token(protocol) && !iequals(protocol, "h2c") && !iequals(protocol, "h2") &&
         !iequals(protocol, "TLS");
}

bool parse_length(std::string_view text, std::uint64_t& out) noexcept {
  return text.size() <= 18 && parse_count(text, out);
}

bool parse_count(std::string_view text, std::uint64_t& out) noexcept {
  if (text.empty()) return false;
  for (const char c : text)
    if (c < '0' || c > '9') return false;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc{})
    out = std::numeric_limits<std::uint64_t>::max();
  return true;
}

}  // namespace aralez
