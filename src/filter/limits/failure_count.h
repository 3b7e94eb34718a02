#pragma once

#include "filter/limits/limit_scope.h"
#include "http/worker_context.h"

namespace aralez {

/// Credentials of a client that were wrong, within ten seconds: after more than `limit` of them
/// none is looked at until these are over. A value; `counts` outlives it.
class FailureCount {
 public:
  static constexpr std::chrono::seconds kWindow{10};

  FailureCount(CounterTable& counts, LimitScope scope, std::uint32_t limit)
      : counts_(counts), scope_(scope), limit_(limit) {}

  [[nodiscard]] std::uint32_t limit() const noexcept { return limit_; }
  /// How long this client has to wait; zero: not at all, as where nothing is served.
  [[nodiscard]] Millis left(const RequestContext& request) const {
    if (!request.worker) return Millis{0};
    const auto tally = counts_.look(scope_.of(request.client), request.worker->reactor.now());
    return tally.count > limit_ ? tally.left : Millis{0};
  }
  void add(const RequestContext& request) const {
    if (!request.worker) return;
    const TimePoint now = request.worker->reactor.now();
    counts_.add(scope_.of(request.client), now, now + kWindow, CounterTable::End::stays);
  }

 private:
  CounterTable& counts_;
  LimitScope scope_;
  std::uint32_t limit_;
};

}  // namespace aralez
