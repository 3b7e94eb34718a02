#pragma once

#include <functional>

#include "http/request_context.h"
#include "io/job_pool.h"

namespace aralez {

/// What is left to do with the result of a job, on the worker's thread: decides `proceed` or
/// `replied`.
using FinishStep = std::move_only_function<Verdict(RequestContext& request, Reply& reply)>;
/// Runs on a thread of the pool. Sees nothing of the request: what it needs it owns.
using OffloadedJob = std::move_only_function<FinishStep()>;

/// Lets a step decide by work that is too slow for a worker. `wait`, and the request goes on when
/// the job is done; or `proceed` when the pool is full, and the step has to refuse. A request that
/// ends before leaves the job to itself. Pre: `request` has a worker and a driver; the pool stops
/// after the worker's thread and before its reactor is gone.
[[nodiscard]] Verdict offload(RequestContext& request, JobPool& pool, OffloadedJob job);

}  // namespace aralez
