#include "proxy/local_reply.h"

#include <cstring>

namespace aralez {
namespace {

constexpr Field kAllow{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};

/// Whether the same request may fare better in a moment: no server could be had for it.
bool worth_another_try(const Reply& reply) {
  if (reply.status == 503) return true;
  if (reply.status != 502) return false;
  switch (reply.reason) {
    case Reason::no_endpoint:
    case Reason::dns_failed:
    case Reason::connect_failed: return true;
    default: return false;
  }
}

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
  if (worth_another_try(reply)) reply.fields.add(arena, {"Retry-After", "1"});
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

}  // namespace aralez
