#include "filter/api_guard/api_guard.h"

namespace aralez {

Verdict ApiGuard::on_request_head(RequestContext& request, Reply& reply) const {
  if (request.path.match.starts_with("/.well-known/acme-challenge/")) return Verdict::proceed;
  reply.status = 403;
  reply.reason = Reason::api_through_proxy;
  reply.length = BodyLength::of(0);
  return Verdict::replied;
}

std::string ApiGuard::describe() const {
  return "api guard: nothing but /.well-known/acme-challenge/ reaches the API, 403";
}

}  // namespace aralez
