#pragma once

#include "base/log.h"
#include "io/dns/resolver.h"
#include "observe/counters.h"

namespace aralez {

/// Says in the server log when a name begins or ceases to resolve, and counts lookups. One worker.
class NameLog final : public ResolverObserver {
 public:
  NameLog(Logger& logger, CounterBlock& counters) : logger_(logger), counters_(counters) {}
  void on_lookup(const NameReport& report) override;

 private:
  Logger& logger_;
  CounterBlock& counters_;
};

}  // namespace aralez
