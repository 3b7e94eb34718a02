#include "server/data_plane.h"

namespace aralez {

DataPlane::DataPlane(const MainConfig& main, Logger& logger, const Observers& observers,
                     std::uint64_t hash_key)
    : main_(main),
      tickets_(TicketSeed::random(std::chrono::steady_clock::now())),
      clients_(hash_key),
      front_{AddressSet(main.trusted_proxies), AddressSet(main.proxy_protocol)},
      counters_(main.threads) {
  for (std::uint32_t i = 0; i < main.threads; ++i) {
    auto t = std::make_unique<Thread>();
    AccessLog* const access = observers.access_log;
    t->worker =
        std::make_unique<Worker>(WorkerOptions{.limits = main.limits,
                                               .logger = logger,
                                               .clients = clients_,
                                               .front = front_,
                                               .counters = counters_.block(i),
                                               .routes = observers.routes.worker(i),
                                               .access_log = access ? &access->channel(i) : nullptr,
                                               .tickets = tickets_,
                                               .index = i,
                                               .workers = main.threads});
    threads_.push_back(std::move(t));
  }
}

DataPlane::~DataPlane() {
  join();
}

std::expected<void, ListenError> DataPlane::listen_on(const SocketAddress& address,
                                                      DoorOptions door) {
  if (auto free = probe_address(address); !free) return free;
  const ListenOptions options{
      .keepalive = {.idle = main_.tcp_keepalive_idle
                                ? static_cast<std::uint32_t>(main_.tcp_keepalive_idle->count())
                                : 0U,
                    .interval = static_cast<std::uint32_t>(main_.tcp_keepalive_interval.count()),
                    .count = main_.tcp_keepalive_count}};
  for (auto& t : threads_) {
    auto fd = open_listener(address, options);
    if (!fd) return std::unexpected(std::move(fd.error()));
    t->worker->add_listener(std::move(*fd), door);
  }
  return {};
}

std::expected<void, ListenError> DataPlane::listen() {
  if (auto r = listen_on(main_.proxy_address_http, {}); !r) return r;
  if (main_.proxy_address_tls)
    if (auto r = listen_on(*main_.proxy_address_tls, {.security = DoorOptions::Security::tls}); !r)
      return r;
  if (auto r = listen_on(main_.config_address, {.role = ListenerRole::admin}); !r) return r;
  if (main_.config_tls_address)
    if (auto r = listen_on(*main_.config_tls_address,
                           {.role = ListenerRole::admin, .security = DoorOptions::Security::tls});
        !r)
      return r;
  if (main_.file_server_address && !main_.file_server_folder.empty())
    return listen_on(*main_.file_server_address, {.role = ListenerRole::files});
  return {};
}

void DataPlane::start(const std::shared_ptr<const Snapshot>& first,
                      const Certificates& certificates) {
  running_ = threads_.size();
  for (auto& t : threads_) {
    t->worker->adopt(first);
    t->worker->adopt(certificates);
    t->thread = std::thread([this, &worker = *t->worker] {
      worker.run();
      const std::lock_guard lock(mutex_);
      --running_;
      changed_.notify_all();
    });
  }
}

void DataPlane::publish(const std::shared_ptr<const Snapshot>& next) {
  for (auto& t : threads_) t->worker->adopt_later(next);
}

void DataPlane::publish(const Certificates& certificates) {
  for (auto& t : threads_) t->worker->adopt_later(certificates);
}

void DataPlane::settle(TimePoint deadline) {
  // Kept by the letters: they may be read after we have given up.
  const auto missing = std::make_shared<std::size_t>(threads_.size());
  for (auto& t : threads_)
    t->worker->post([this, missing] {
      const std::lock_guard lock(mutex_);
      --*missing;
      changed_.notify_all();
    });
  std::unique_lock lock(mutex_);
  // A worker that has ended reads no letters.
  changed_.wait_until(lock, deadline, [&] { return *missing == 0 || running_ < threads_.size(); });
}

void DataPlane::drain() {
  for (auto& t : threads_) t->worker->drain_later();
}

void DataPlane::stop() {
  for (auto& t : threads_) t->worker->stop_later();
}

void DataPlane::join() {
  stop();
  for (auto& t : threads_)
    if (t->thread.joinable()) t->thread.join();
}

bool DataPlane::wait_until(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return running_ == 0; });
}

}  // namespace aralez
