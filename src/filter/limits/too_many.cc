#include "filter/limits/too_many.h"

#include <array>
#include <charconv>

namespace aralez {

Verdict too_many(RequestContext& request, Reply& reply, Reason reason, Millis left) {
  std::array<char, 24> text{};
  const auto seconds = (left.count() + 999) / 1000;
  const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), seconds);
  reply.status = 429;
  reply.reason = reason;
  reply.length = BodyLength::of(0);
  reply.fields.add(request.arena, {"Cache-Control", "private, no-store"});
  reply.fields.add(request.arena,
                   {"Retry-After", request.arena.copy(std::string_view(text.data(), end))});
  return Verdict::replied;
}

}  // namespace aralez
