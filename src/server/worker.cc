#include "server/worker.h"

#include <cstring>

namespace aralez {

Worker::Door::Door(Worker& w, UniqueFd fd, ListenerRole r)
    : worker(w), role(r), listener(w.reactor_, std::move(fd), *this) {}

void Worker::Door::on_accept(UniqueFd fd, const SocketAddress& peer) {
  worker.accept(std::move(fd), peer, role);
}

void Worker::Door::on_accept_paused(int err) {
  worker.options_.logger.write(LogLevel::warn, "aralez::net::listener",
                               std::string("accepting paused: ") + std::strerror(err));
}

Worker::Worker(const WorkerOptions& options)
    : options_(options),
      context_(reactor_, options.limits, options.logger, options.counters, options.workers) {}

Worker::~Worker() = default;

void Worker::add_listener(UniqueFd fd, ListenerRole role) {
  doors_.push_back(std::make_unique<Door>(*this, std::move(fd), role));
}

void Worker::adopt(std::shared_ptr<const Snapshot> snapshot) {
  context_.snapshots.adopt(std::move(snapshot), context_.clusters);
}

void Worker::run() {
  for (auto& door : doors_) {
    if (!door->listener.start())
      options_.logger.write(LogLevel::error, "aralez::net::listener",
                            "cannot watch a listening socket");
  }
  reactor_.run();
  cut_off_all();
}

void Worker::adopt_later(std::shared_ptr<const Snapshot> snapshot) {
  post([this, s = std::move(snapshot)]() mutable { adopt(std::move(s)); });
}

void Worker::drain_later() {
  post([this] { drain(); });
}

void Worker::stop_later() {
  post([this] { reactor_.stop(); });
}

void Worker::accept(UniqueFd fd, const SocketAddress& peer, ListenerRole role) {
  if (!options_.clients.enter(peer, options_.limits.client_max_connections)) {
    options_.counters.add(Reason::too_many_connections);
    return;
  }
  ConnectionOwner& owner = *this;
  auto c = std::make_unique<DownstreamConnection>(context_, owner, peer, role);
  DownstreamConnection* raw = c.get();
  connections_.emplace(raw, std::move(c));
  if (!raw->start(std::move(fd))) on_connection_closed(*raw);
}

void Worker::on_connection_closed(DownstreamConnection& c) {
  const auto it = connections_.find(&c);
  if (it == connections_.end()) return;
  options_.clients.leave(c.peer());
  reactor_.retire(std::move(it->second));
  connections_.erase(it);
  stop_if_drained();
}

void Worker::drain() {
  draining_ = true;
  for (auto& door : doors_) door->listener.drain();
  for (auto* c : connections()) c->drain();
  stop_if_drained();
}

void Worker::cut_off_all() {
  for (auto* c : connections()) c->cut_off();
  reactor_.finish_turn();
}

std::vector<DownstreamConnection*> Worker::connections() const {
  std::vector<DownstreamConnection*> all;
  all.reserve(connections_.size());
  for (const auto& [raw, owned] : connections_) all.push_back(raw);
  return all;
}

void Worker::stop_if_drained() {
  if (draining_ && connections_.empty()) reactor_.stop();
}

}  // namespace aralez
