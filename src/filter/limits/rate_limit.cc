#include "filter/limits/rate_limit.h"

#include <algorithm>

#include "filter/limits/too_many.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

constexpr std::chrono::seconds kWindow{1};

/// Windows are those of the clock, the same for all clients and workers.
TimePoint window_end(TimePoint now) {
  return std::chrono::floor<std::chrono::seconds>(now) + kWindow;
}

}  // namespace

RateLimitFilter::RateLimitFilter(CounterTable& counts, LimitScope scope, std::int64_t per_second)
    : counts_(counts),
      scope_(scope),
      per_second_(std::max<std::int64_t>(per_second, 0)),
      policy_("\"rate\";q=" + std::to_string(per_second_) + ";w=1") {}

Verdict RateLimitFilter::on_request_head(RequestContext& request, Reply& reply) const {
  Millis left = kWindow;
  if (per_second_ > 0) [[likely]] {
    if (!request.worker) return Verdict::proceed;
    const TimePoint now = request.worker->reactor.now();
    const auto tally =
        counts_.add(scope_.of(request.client), now, window_end(now), CounterTable::End::stays);
    if (tally.count <= per_second_ || tally.count == CounterTable::kMost) return Verdict::proceed;
    left = tally.left;
  }
  // draft-ietf-httpapi-ratelimit-headers-10. A window has less than a second left.
  reply.fields.add(request.arena, {"RateLimit-Policy", policy_});
  reply.fields.add(request.arena, {"RateLimit", "\"rate\";r=0;t=1"});
  return too_many(request, reply, Reason::rate_limited, left);
}

std::string RateLimitFilter::describe() const {
  return "rate limit: " + std::to_string(per_second_) + " requests per second and client";
}

}  // namespace aralez
