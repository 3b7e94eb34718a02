#include "filter/auth/guard.h"

namespace aralez {

Verdict AuthGuard::on_request_head(RequestContext& request, Reply& reply) const {
  reply.status = 503;
  reply.fields.add(request.arena, {"Cache-Control", "private, no-store"});
  reply.length = BodyLength::of(0);
  reply.reason = Reason::auth_unavailable;
  return Verdict::replied;
}

std::string AuthGuard::describe() const {
  return "authorization: " + type_ + ", which this version cannot check: answers 503";
}

}  // namespace aralez
