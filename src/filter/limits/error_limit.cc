#include "filter/limits/error_limit.h"

#include "filter/limits/too_many.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

constexpr std::chrono::seconds kQuiet{1};

}  // namespace

Verdict ErrorLimitFilter::on_request_head(RequestContext& request, Reply& reply) const {
  if (!request.worker) return Verdict::proceed;
  const TimePoint now = request.worker->reactor.now();
  const auto tally = counts_.look_and_hold(scope_.of(request.client), now, limit_, now + kQuiet);
  if (tally.count <= limit_) [[likely]]
    return Verdict::proceed;
  return too_many(request, reply, Reason::x4xx_limited, tally.left);
}

void ErrorLimitFilter::on_request_end(RequestContext& request,
                                      const RequestSummary& summary) const {
  if (summary.status < 400 || summary.status > 499) [[likely]]
    return;
  if (summary.status == 429 && summary.reason) return;  // of a limit
  const TimePoint now = request.worker->reactor.now();
  counts_.add(scope_.of(request.client), now, now + kQuiet, CounterTable::End::moves);
}

std::string ErrorLimitFilter::describe() const {
  return "4xx limit: " + std::to_string(limit_) + " answers until a client is refused";
}

}  // namespace aralez
