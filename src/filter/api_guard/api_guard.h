#pragma once

#include "filter/filter.h"

namespace aralez {

/// Lets nothing through to the API but challenges of certificate authorities.
class ApiGuard final : public Filter {
 public:
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;
};

}  // namespace aralez
