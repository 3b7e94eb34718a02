#include "filter/loop_guard/loop_guard.h"

#include "base/ascii.h"

namespace aralez {
namespace {

constexpr std::string_view kField = "CDN-Loop";

}  // namespace

/// Our elements have no parameters (RFC 8586 section 2).
bool LoopGuard::is_in(std::string_view list) const noexcept {
  bool found = false;
  for_each_element(list, [&](std::string_view element) { found |= element == mark_; });
  return found;
}

Verdict LoopGuard::on_request_head(RequestContext& request, Reply& reply) const {
  for (const Field& f : request.request.fields) {
    if (!iequals(f.name, kField) || !is_in(f.value)) continue;
    reply.status = 508;
    reply.reason = Reason::route_loop;
    reply.why = "the request has come by here before";
    reply.length = BodyLength::of(0);
    return Verdict::replied;
  }
  request.request.fields.add(request.arena, {kField, mark_});
  return Verdict::proceed;
}

std::string LoopGuard::describe() const {
  return "loop guard: a server is this proxy itself; what comes back is answered 508";
}

}  // namespace aralez
