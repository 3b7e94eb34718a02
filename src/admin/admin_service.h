#pragma once

#include "http/request_context.h"

namespace aralez {

/// Answers what comes to config_address.
class AdminService final : public Responder {
 public:
  [[nodiscard]] Verdict respond(RequestContext& request, const Chain& body,
                                Reply& reply) const override;
};

}  // namespace aralez
