#pragma once

#include "filter/filter.h"
#include "filter/limits/failure_count.h"

namespace aralez {

/// Requests whose credentials authorization refused, per client and host: after more than `limit`
/// within ten seconds nothing is checked until these are over, whatever is brought. So a guess
/// costs us a look into a table and not a password hash or a request to an authorization server. A
/// request that is let in, brings no credentials, or is refused here, counts nothing.
class AuthThrottleFilter final : public Filter {
 public:
  explicit AuthThrottleFilter(const FailureCount& failures) : failures_(failures) {}
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] bool wants_end() const override { return true; }
  void on_request_end(RequestContext& request, const RequestSummary& summary) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  FailureCount failures_;
};

}  // namespace aralez
