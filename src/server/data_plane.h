#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/schema/main_config.h"
#include "server/worker.h"

namespace aralez {

/// The workers and their threads. Made, started and stopped by the main thread; publish() from any
/// thread.
class DataPlane {
 public:
  /// Both outlive it; without an access log there is nothing to write.
  struct Observers {
    RouteSeries& routes;
    AccessLog* access_log = nullptr;
  };
  DataPlane(const MainConfig& main, Logger& logger, const Observers& observers,
            std::uint64_t hash_key);
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;
  ~DataPlane();

  /// Opens every listener on every worker; the error names the address.
  [[nodiscard]] std::expected<void, ListenError> listen();
  void start(const std::shared_ptr<const Snapshot>& first, const Certificates& certificates);
  void publish(const std::shared_ptr<const Snapshot>& next);
  void publish(const Certificates& certificates);
  /// Waits until every worker has taken what was published before, one has ended, or `deadline` is
  /// there. Any thread but theirs.
  void settle(TimePoint deadline);
  void drain();
  void stop();
  /// stop(), and waits for the threads; what they held of requests is gone then.
  void join();
  /// Waits for the threads until `deadline`; true when all have ended.
  [[nodiscard]] bool wait_until(TimePoint deadline);
  [[nodiscard]] CounterTotals totals() const { return counters_.sum(); }

 private:
  struct Thread {
    std::unique_ptr<Worker> worker;
    std::thread thread;
  };
  [[nodiscard]] std::expected<void, ListenError> listen_on(const SocketAddress& address,
                                                           DoorOptions door);

  const MainConfig& main_;
  const TicketSeed tickets_;
  ClientTable clients_;
  const FrontProxies front_;
  CounterSet counters_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;  ///< threads; guarded by mutex_
};

}  // namespace aralez
