#include "server/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proxy/plain_connection.h"
#include "proxy/tls_connection.h"

namespace aralez {

Worker::Door::Door(Worker& w, UniqueFd fd, DoorOptions o)
    : worker(w), options(o), listener(w.reactor_, std::move(fd), *this) {}

void Worker::Door::on_accept(UniqueFd fd, const SocketAddress& peer) {
  worker.accept(std::move(fd), peer, options);
}

void Worker::Door::on_accept_paused(int err) {
  constexpr Millis kSilence{10'000};  // it is paused ten times a second
  const TimePoint now = worker.reactor_.now();
  if (said_paused && now - *said_paused < kSilence) return;
  said_paused = now;
  worker.options_.logger.write(
      LogLevel::warn, "aralez::net::listener",
      fmt::format("accepting paused: {}; clients wait for one that goes", std::strerror(err)));
}

Worker::Worker(const WorkerOptions& options)
    : options_(options),
      context_(reactor_, options.limits, options.logger, options.counters, options.routes,
               options.access_log, options.index, options.workers),
      tls_(reactor_, options.tickets),
      api_tls_(reactor_, options.tickets) {}

Worker::~Worker() = default;

void Worker::add_listener(UniqueFd fd, DoorOptions options) {
  doors_.push_back(std::make_unique<Door>(*this, std::move(fd), options));
}

void Worker::adopt(std::shared_ptr<const Snapshot> snapshot) {
  std::uint32_t highest = 0;
  for (const Route& r : snapshot->routes) highest = std::max(highest, r.series);
  options_.routes.make_room(highest);
  context_.snapshots.adopt(std::move(snapshot), context_.clusters);
}

void Worker::adopt(Certificates certificates) {
  tls_.adopt(std::move(certificates.proxy));
  api_tls_.adopt(std::move(certificates.api));
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

void Worker::adopt_later(Certificates certificates) {
  post([this, c = std::move(certificates)]() mutable { adopt(std::move(c)); });
}

void Worker::drain_later() {
  post([this] { drain(); });
}

void Worker::stop_later() {
  post([this] { reactor_.stop(); });
}

void Worker::accept(UniqueFd fd, const SocketAddress& peer, DoorOptions door) {
  const bool named_by_header =
      door.role == ListenerRole::proxy && options_.front.proxy_protocol.contains(peer.ip_bytes());
  if (!named_by_header) {
    admit(std::move(fd), ConnectionSource::of(peer, options_.front), door);
    return;
  }
  UnnamedOwner& owner = *this;
  start(std::make_unique<UnnamedConnection>(reactor_, owner, peer, door,
                                            options_.limits.client_head_timeout),
        std::move(fd));
}

void Worker::on_named(UnnamedConnection& c, UniqueFd fd,
                      const std::optional<SocketAddress>& client) {
  const auto source = ConnectionSource::of(c.peer(), options_.front, client);
  admit(std::move(fd), source, c.door());
  if (draining_) drain_again_.arm(reactor_.timers(), reactor_.now() + kDrainAgain);
}

void Worker::on_not_named(UnnamedConnection& c, ProxyHeaderEvents::NoHeader what,
                          std::string_view why) {
  using enum ProxyHeaderEvents::NoHeader;
  if (what == silent) return;
  const Reason reason = what == late ? Reason::proxy_header_timeout : Reason::proxy_header;
  options_.counters.add(reason);
  if (options_.logger.enabled(LogLevel::info))
    options_.logger.write(LogLevel::info, "aralez::proxy::client",
                          fmt::format("{}: {}, peer {}", to_string(reason), why, c.peer().ip()));
}

void Worker::admit(UniqueFd fd, const ConnectionSource& source, DoorOptions door) {
  // One connection of a trusted proxy is that of many clients.
  const std::uint32_t limit = source.trusted ? 0 : options_.limits.client_max_connections;
  if (!options_.clients.enter(source.client, limit)) {
    options_.counters.add(Reason::too_many_connections);
    return;
  }
  auto c = make_connection(source, door);
  if (!c) {
    options_.clients.leave(source.client);
    options_.counters.add(Reason::too_many_handshakes);
    return;
  }
  start(std::move(c), std::move(fd));
}

void Worker::start(std::unique_ptr<DownstreamConnection> c, UniqueFd fd) {
  DownstreamConnection* raw = c.get();
  connections_.emplace(raw, std::move(c));
  if (!raw->start(std::move(fd))) on_connection_closed(*raw);
}

std::unique_ptr<DownstreamConnection> Worker::make_connection(const ConnectionSource& source,
                                                              DoorOptions door) {
  ConnectionOwner& owner = *this;
  if (door.security == DoorOptions::Security::plain)
    return std::make_unique<PlainConnection>(context_, owner, source, door.role);
  auto handshake = (door.role == ListenerRole::admin ? api_tls_ : tls_).accept();
  if (!handshake) return nullptr;
  return std::make_unique<TlsConnection>(context_, owner, source, door.role, std::move(*handshake));
}

void Worker::on_connection_closed(DownstreamConnection& c) {
  const auto it = connections_.find(&c);
  if (it == connections_.end()) return;
  if (const SocketAddress* const client = c.counted()) options_.clients.leave(*client);
  reactor_.retire(std::move(it->second));
  connections_.erase(it);
  stop_if_drained();
}

void Worker::drain() {
  draining_ = true;
  for (auto& door : doors_) door->listener.drain();
  drain_connections(reactor_.now());
}

void Worker::drain_connections(TimePoint) {
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
