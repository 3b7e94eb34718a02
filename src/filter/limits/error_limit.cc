#include "filter/limits/error_limit.h"

#include "filter/limits/too_many.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

constexpr std::chrono::seconds kQuiet{1};

/// Whether a status of gRPC blames the call: those that google.rpc.Code calls 400, 401, 403, 404
/// and 409, but for ABORTED, which asks for another try.
constexpr bool blames_the_call(std::uint8_t grpc_status) noexcept {
  switch (grpc_status) {
    case 3:   // INVALID_ARGUMENT
    case 5:   // NOT_FOUND
    case 6:   // ALREADY_EXISTS
    case 7:   // PERMISSION_DENIED
    case 9:   // FAILED_PRECONDITION
    case 11:  // OUT_OF_RANGE
    case 16:  // UNAUTHENTICATED
      return true;
    default: return false;
  }
}

bool is_counted(const RequestSummary& s) noexcept {
  if (s.grpc_status && blames_the_call(*s.grpc_status)) return true;
  const bool of_a_limit = s.status == 429 && s.reason;
  return s.status >= 400 && s.status <= 499 && !of_a_limit;
}

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
  if (!is_counted(summary)) [[likely]]
    return;
  const TimePoint now = request.worker->reactor.now();
  counts_.add(scope_.of(request.client), now, now + kQuiet, CounterTable::End::moves);
}

std::string ErrorLimitFilter::describe() const {
  return "4xx limit: " + std::to_string(limit_) + " answers until a client is refused";
}

}  // namespace aralez
