#include "server/data_plane.h"

namespace aralez {

DataPlane::DataPlane(const MainConfig& main, Logger& logger, std::uint64_t hash_key)
    : main_(main), clients_(hash_key), counters_(main.threads) {
  for (std::uint32_t i = 0; i < main.threads; ++i) {
    auto t = std::make_unique<Thread>();
    t->worker = std::make_unique<Worker>(WorkerOptions{.limits = main.limits,
                                                       .logger = logger,
                                                       .clients = clients_,
                                                       .counters = counters_.block(i),
                                                       .workers = main.threads});
    threads_.push_back(std::move(t));
  }
}

DataPlane::~DataPlane() {
  stop();
  for (auto& t : threads_)
    if (t->thread.joinable()) t->thread.join();
}

std::expected<void, ListenError> DataPlane::listen_on(const SocketAddress& address, ListenerRole role) {
  if (auto free = probe_address(address); !free) return free;
  const ListenOptions options{
      .keepalive = {.idle = main_.tcp_keepalive_idle ? static_cast<std::uint32_t>(main_.tcp_keepalive_idle->count()) : 0U,
                    .interval = static_cast<std::uint32_t>(main_.tcp_keepalive_interval.count()),
                    .count = main_.tcp_keepalive_count}};
  for (auto& t : threads_) {
    auto fd = open_listener(address, options);
    if (!fd) return std::unexpected(std::move(fd.error()));
    t->worker->add_listener(std::move(*fd), role);
  }
  return {};
}

std::expected<void, ListenError> DataPlane::listen() {
  if (auto r = listen_on(main_.proxy_address_http, ListenerRole::proxy); !r) return r;
  if (main_.file_server_address && !main_.file_server_folder.empty())
    return listen_on(*main_.file_server_address, ListenerRole::files);
  return {};
}

void DataPlane::start(std::shared_ptr<const Snapshot> first) {
  for (auto& t : threads_) {
    t->worker->adopt(first);
    t->thread = std::thread([&t = *t] {
      t.worker->run();
      t.done.store(true, std::memory_order_release);
    });
  }
}

void DataPlane::publish(const std::shared_ptr<const Snapshot>& next) {
  for (auto& t : threads_) t->worker->adopt_later(next);
}

void DataPlane::drain() {
  for (auto& t : threads_) t->worker->drain_later();
}

void DataPlane::stop() {
  for (auto& t : threads_) t->worker->stop_later();
}

bool DataPlane::wait_until(TimePoint deadline) {
  while (std::chrono::steady_clock::now() < deadline) {
    bool all = true;
    for (const auto& t : threads_) all &= t->done.load(std::memory_order_acquire);
    if (all) return true;
    std::this_thread::sleep_for(Millis(10));
  }
  return false;
}

}  // namespace aralez
