#pragma once

#include "filter/filter.h"
#include "filter/limits/limit_scope.h"

namespace aralez {

/// `rate_limit`: so many requests of a client in each second of the clock, then 429 (behaviour
/// section 7.1). Runs behind authorization: what that refuses is not counted.
class RateLimitFilter final : public Filter {
 public:
  /// 0 or less refuses everything. `counts` outlives the filter.
  RateLimitFilter(CounterTable& counts, LimitScope scope, std::int64_t per_second);
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  CounterTable& counts_;
  LimitScope scope_;
  std::int64_t per_second_;
  std::string policy_;  ///< value of RateLimit-Policy
};

}  // namespace aralez
