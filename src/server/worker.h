#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/client_table.h"
#include "net/connection_source.h"
#include "net/listener.h"
#include "proxy/context.h"
#include "proxy/downstream_connection.h"
#include "proxy/exchange.h"
#include "server/door.h"
#include "server/unnamed_connection.h"
#include "tls/server_tls.h"

namespace aralez {

struct WorkerOptions {
  const Limits& limits;
  Logger& logger;
  ClientTable& clients;
  const FrontProxies& front;
  CounterBlock& counters;
  RouteCounters& routes;
  AccessChannel* access_log = nullptr;  ///< null: off
  const TicketSeed& tickets;            ///< the same for all workers
  std::size_t index = 0;                ///< of this one among `workers`
  std::size_t workers = 1;
};

/// One thread of the data plane: reactor, listeners, connections, pools, its view of the
/// configuration. Made on the main thread, then run() on its own; everything but post() belongs to
/// that thread from then on.
class Worker final : private UnnamedOwner {
 public:
  explicit Worker(const WorkerOptions& options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Before run().
  void add_listener(UniqueFd fd, DoorOptions options);
  void adopt(std::shared_ptr<const Snapshot> snapshot);
  void adopt(Certificates certificates);
  void run();

  /// Any thread.
  void post(Mailbox::Letter letter) { reactor_.mailbox().post(std::move(letter)); }
  void adopt_later(std::shared_ptr<const Snapshot> snapshot);
  void adopt_later(Certificates certificates);
  /// Stops accepting, lets requests end, closes idle connections; run() returns when none is left.
  void drain_later();
  /// run() returns soon, whatever is under way.
  void stop_later();

 private:
  struct Door final : AcceptEvents {
    Door(Worker& w, UniqueFd fd, DoorOptions o);
    void on_accept(UniqueFd fd, const SocketAddress& peer) override;
    void on_accept_paused(int err) override;
    Worker& worker;
    DoorOptions options;
    std::optional<TimePoint> said_paused;
    Listener listener;
  };

  void accept(UniqueFd fd, const SocketAddress& peer, DoorOptions door);
  /// Lets a client in, if it may have another connection.
  void admit(UniqueFd fd, const ConnectionSource& source, DoorOptions door);
  /// Null when there is no room for it.
  [[nodiscard]] std::unique_ptr<DownstreamConnection> make_connection(
      const ConnectionSource& source, DoorOptions door);
  void start(std::unique_ptr<DownstreamConnection> c, UniqueFd fd);
  void on_named(UnnamedConnection& c, UniqueFd fd,
                const std::optional<SocketAddress>& client) override;
  void on_not_named(UnnamedConnection& c, ProxyHeaderEvents::NoHeader what,
                    std::string_view why) override;
  void on_connection_closed(DownstreamConnection& c) override;
  void drain();
  void drain_connections(TimePoint now);
  /// What is still open when the loop has ended: requests go before the codecs that they refer to.
  void cut_off_all();
  [[nodiscard]] std::vector<DownstreamConnection*> connections() const;
  void stop_if_drained();

  const WorkerOptions options_;
  Reactor reactor_;
  ProxyContext context_;
  ServerTls tls_;
  ServerTls api_tls_;
  std::unordered_map<DownstreamConnection*, std::unique_ptr<DownstreamConnection>> connections_;
  std::vector<std::unique_ptr<Door>> doors_;
  /// A connection whose PROXY header came during a drain has this long to bring a request.
  static constexpr Millis kDrainAgain{100};
  MemberTimer<Worker, &Worker::drain_connections> drain_again_{*this};
  bool draining_ = false;
};

}  // namespace aralez
