#include "admin/answer.h"

#include <cstring>

namespace aralez {
namespace {

Chain chain_of(BlockPool& blocks, std::string_view text) {
  Chain out;
  if (text.empty()) return out;
  BlockRef block = blocks.take_sized(text.size());
  std::memcpy(block.bytes().data(), text.data(), text.size());
  out.push_back(Piece(Slice(block, block.bytes().first(text.size()))));
  return out;
}

}  // namespace

Verdict answer(RequestContext& request, Reply& reply, std::uint16_t status, std::string_view type,
               std::string_view body) {
  reply.status = status;
  reply.length = BodyLength::of(body.size());
  reply.body = chain_of(request.blocks, body);
  if (!type.empty()) reply.fields.add(request.arena, {"content-type", type, FieldId::content_type});
  // What the API says is of this moment, and nothing that a browser should guess about.
  reply.fields.add(request.arena, {"cache-control", "no-store"});
  reply.fields.add(request.arena, {"x-content-type-options", "nosniff"});
  return Verdict::replied;
}

Verdict refuse(RequestContext& request, Reply& reply, std::uint16_t status, Reason reason,
               std::string_view type, std::string_view body) {
  reply.reason = reason;
  return answer(request, reply, status, type, body);
}

}  // namespace aralez
