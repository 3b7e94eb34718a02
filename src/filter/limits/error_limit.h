#pragma once

#include "filter/filter.h"
#include "filter/limits/limit_scope.h"

namespace aralez {

/// `x4xx_limit`: a client that has caused more than so many 4xx answers is refused with 429 until
/// it has been quiet for a second (behaviour section 7.2). Counted are final answers of upstreams
/// and our own, but for the 429 of limits, and calls of gRPC whose status means the same; each of
/// them, and each request that is refused, begins the second again. Runs before authorization, so
/// that guessing is refused before it costs anything.
class ErrorLimitFilter final : public Filter {
 public:
  ErrorLimitFilter(CounterTable& counts, LimitScope scope, std::uint32_t limit)
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
