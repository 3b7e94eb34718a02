#include "proxy/grpc.h"

#include "base/ascii.h"
#include "http/field_rules.h"

namespace aralez {

bool speaks_grpc(const Head& request) noexcept {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = request.fields.value(FieldId::content_type);
  if (type.size() < kType.size() || !iequals(type.substr(0, kType.size()), kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

namespace {

/// https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
std::string_view grpc_status(std::uint16_t http) noexcept {
  switch (http) {
    case 400: return "13";  // INTERNAL
    case 401: return "16";  // UNAUTHENTICATED
    case 403: return "7";   // PERMISSION_DENIED
    case 404: return "12";  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504: return "14";  // UNAVAILABLE
    default: return "2";    // UNKNOWN
  }
}

}  // namespace

void make_grpc_error(Reply& reply, Arena& arena, HttpVersion version) {
  Fields fields;
  fields.add(arena, {"Content-Type", "application/grpc", FieldId::content_type});
  fields.add(arena, {"grpc-status", grpc_status(reply.status)});
  // Texts of ours: printable, without the percent sign that would need encoding.
  fields.add(arena, {"grpc-message", text_of(reply.reason)});
  reply.fields = fields;
  reply.status = 200;
  reply.body.clear();
  reply.length = version == HttpVersion::http2 ? BodyLength() : BodyLength::of(0);
}

std::optional<std::uint8_t> grpc_status_in(const Fields& fields) noexcept {
  const Field* const field = fields.find("grpc-status");
  if (!field) return std::nullopt;
  std::uint64_t status = 0;
  if (!parse_count(field->value, status) || status > 255) return std::nullopt;
  return static_cast<std::uint8_t>(status);
}

}  // namespace aralez
