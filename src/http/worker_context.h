#pragma once

#include <cstddef>

#include "io/reactor.h"
#include "observe/counters.h"

namespace aralez {

class SubrequestClient;  // filter/subrequest.h

/// The worker that a request is on, for steps that keep something per worker or come back from
/// another thread. Lives as long as the worker.
struct WorkerContext {
  Reactor& reactor;
  CounterBlock& counters;
  std::size_t index = 0;  ///< below `workers`
  std::size_t workers = 1;
  SubrequestClient* subrequests = nullptr;  ///< null in tests
};

}  // namespace aralez
