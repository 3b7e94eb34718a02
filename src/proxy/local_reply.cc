#include "proxy/local_reply.h"

#include <cstring>

#include "base/ascii.h"

namespace aralez {
namespace {

constexpr Field kAllow{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};

}  // namespace

Reply make_options_reply(Arena& arena) {
  Reply r;
  r.status = 200;
  r.fields.add(arena, kAllow);
  r.length = BodyLength::of(0);
  return r;
}

void fill_refusal(Reply& reply, Arena& arena, BlockPool& blocks) {
  reply.fields.add(arena, {"Cache-Control", "private, no-store"});
  if (reply.status == 405) reply.fields.add(arena, kAllow);
  if (reply.status == 502 || reply.status == 503) reply.fields.add(arena, {"Retry-After", "1"});
  if (reply.status != 502) {
    reply.length = BodyLength::of(0);
    return;
  }
  constexpr std::string_view kText = "502 Bad Gateway\n";
  BlockRef block = blocks.take();
  std::memcpy(block.bytes().data(), kText.data(), kText.size());
  reply.body.push_back(Piece(Slice(block, block.bytes().first(kText.size()))));
  reply.length = BodyLength::of(kText.size());
}

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

}  // namespace aralez
