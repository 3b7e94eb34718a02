#pragma once

#include <ctime>

#include "base/log.h"
#include "cluster/cluster.h"
#include "codec/h2/session.h"
#include "http/date.h"
#include "http/worker_context.h"
#include "observe/access_log/access_log.h"
#include "observe/counters.h"
#include "observe/route_counters.h"
#include "proxy/exchange_pool.h"
#include "proxy/snapshot.h"
#include "proxy/subrequests.h"

namespace aralez {

/// What everything on one worker's data path shares. Owned by the worker.
struct ProxyContext {
  /// `index`: of this worker among `workers`.
  ProxyContext(Reactor& r, const Limits& l, Logger& log, CounterBlock& c, RouteCounters& by_route,
               AccessChannel* access, std::size_t index, std::size_t workers)
      : reactor(r),
        limits(l),
        logger(log),
        counters(c),
        routes(by_route),
        access_log(access),
        worker{.reactor = r, .counters = c, .index = index, .workers = workers},
        clusters({.reactor = r,
                  .scratch = scratch,
                  .h2 = h2,
                  .limits = l,
                  .logger = log,
                  .counters = c,
                  .workers = workers,
                  .worker = index}),
        subrequests(r, clusters, c),
        exchanges(*this) {
    worker.subrequests = &subrequests;
  }

  Reactor& reactor;
  const Limits& limits;
  Logger& logger;
  CounterBlock& counters;
  RouteCounters& routes;
  AccessChannel* const access_log;  ///< null: off
  WorkerContext worker;
  h1::HeadScratch scratch;
  h2::Shared h2{reactor};
  /// Connections that end with the pools below are freed before what they share.
  struct LastTurn {
    Reactor& reactor;
    ~LastTurn() { reactor.finish_turn(); }
  } last_turn{reactor};
  ClusterManager clusters;
  SnapshotHolder snapshots;
  Subrequests subrequests;
  DateCache dates;
  ExchangePool exchanges;

  /// Wall clock of this loop turn, seconds.
  [[nodiscard]] std::time_t wall_time() {
    if (reactor.now() != wall_read_at_) {
      wall_read_at_ = reactor.now();
      wall_ = std::time(nullptr);
    }
    return wall_;
  }

 private:
  TimePoint wall_read_at_{};
  std::time_t wall_ = 0;
};

}  // namespace aralez
