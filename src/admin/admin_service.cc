#include "admin/admin_service.h"

namespace aralez {

Verdict AdminService::respond(RequestContext&, const Chain&, Reply& reply) const {
  reply.status = 404;
  reply.length = BodyLength::of(0);
  reply.reason = Reason::no_route;
  return Verdict::replied;
}

}  // namespace aralez
