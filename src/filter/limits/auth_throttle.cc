#include "filter/limits/auth_throttle.h"

#include "filter/limits/too_many.h"

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
  const Millis left = failures_.left(request);
  if (left == Millis{0}) [[likely]]
    return Verdict::proceed;
  return too_many(request, reply, Reason::auth_throttled, left);
}

void AuthThrottleFilter::on_request_end(RequestContext& request,
                                        const RequestSummary& summary) const {
  if (failed(summary)) [[unlikely]]
    failures_.add(request);
}

std::string AuthThrottleFilter::describe() const {
  return "authorization throttle: " + std::to_string(failures_.limit()) + " failures per " +
         std::to_string(FailureCount::kWindow.count()) + " s and client";
}

}  // namespace aralez
