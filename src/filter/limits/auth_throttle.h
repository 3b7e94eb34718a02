#pragma once

#include "filter/filter.h"
#include "filter/limits/limit_scope.h"

namespace aralez {

/// Requests whose credentials authorization refused, per client and host: after more than `limit`
/// within ten seconds nothing is checked until these are over, whatever is brought. So a guess
/// costs us a look into a table and not a password hash or a request to an authorization server. A
/// request that is let in, brings no credentials, or is refused here, counts nothing.
class AuthThrottleFilter final : public Filter {
 public:
  static constexpr std::chrono::seconds kWindow{10};

  AuthThrottleFilter(CounterTable& counts, LimitScope scope, std::uint32_t limit)
      : counts_(counts), scope_(scope), limit_(limit) {}
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] bool wants_end() const override { return true; }
  void on_request_end(RequestContext& request, const RequestSummary& summary) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  CounterTable& counts_;
  LimitScope scope_;
  std::uint32_t limit_;
};

}  // namespace aralez
