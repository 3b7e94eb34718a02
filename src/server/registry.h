#pragma once

#include "control/build/build.h"
#include "io/job_pool.h"

namespace aralez {

/// What the features of the program share over all generations of the configuration and all
/// workers. Made before the workers, outlives them; one per process.
class Features {
 public:
  explicit Features(const MainConfig& main) : main_(main) {}

  /// The filters of a route in the order they run (behaviour section 3.3). The one place that names
  /// them all: a new filter adds a line here.
  [[nodiscard]] FilterChain make_chain(const RouteConfig& route);
  /// When the workers have ended, and before they are gone.
  void stop() { jobs_.stop(); }

 private:
  /// Jobs that wait cost their client time and us memory: few threads, a short queue.
  static constexpr std::size_t kJobThreads = 4;
  static constexpr std::size_t kMaxJobs = 256;

  const MainConfig& main_;
  JobPool jobs_{kJobThreads, kMaxJobs};
};

}  // namespace aralez
