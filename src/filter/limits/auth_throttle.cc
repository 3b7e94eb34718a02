#include "filter/limits/auth_throttle.h"

#include "filter/limits/too_many.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

/// A request without credentials is no guess, and cost nothing. Nor is one whose authorization
/// server cannot be asked: clients do not pay for that. What gRPC clients are sent is 200.
bool failed(const RequestSummary& s) {
  return s.reason == Reason::auth_malformed || s.reason == Reason::auth_wrong ||
         s.reason == Reason::auth_expired;
}

}  // namespace

Verdict AuthThrottleFilter::on_request_head(RequestContext& request, Reply& reply) const {
  if (!request.worker) return Verdict::proceed;
  const auto tally = counts_.look(scope_.of(request.client), request.worker->reactor.now());
  if (tally.count <= limit_) [[likely]]
    return Verdict::proceed;
  return too_many(request, reply, Reason::auth_throttled, tally.left);
}

void AuthThrottleFilter::on_request_end(RequestContext& request,
                                        const RequestSummary& summary) const {
  if (!failed(summary)) [[likely]]
    return;
  const TimePoint now = request.worker->reactor.now();
  counts_.add(scope_.of(request.client), now, now + kWindow, CounterTable::End::stays);
}

std::string AuthThrottleFilter::describe() const {
  return "authorization throttle: " + std::to_string(limit_) + " failures per " +
         std::to_string(kWindow.count()) + " s and client";
}

}  // namespace aralez
