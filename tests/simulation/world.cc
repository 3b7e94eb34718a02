#include "world.h"

#include <algorithm>

#include "filter/auth/forward/forward.h"
#include "filter/forwarded/forwarded.h"

namespace aralez::sim {
namespace {

constexpr Millis kLongest{300'000};
constexpr RouteTimeouts kTimeouts{Millis{1000}, Millis{3000}, Millis{3000}};

}  // namespace

World::World(std::uint64_t seed) : dice_(seed) {
  limits_.upstream_keepalive_pool_size = static_cast<std::uint32_t>(dice_.up_to(6));
  book_.complain = [this](const std::string& what) { complain(what); };
  kernel_.on_connect = [this](std::uint16_t port, const ConnectionPtr& c) {
    return on_connect(port, c);
  };
  routes_.make_room(RouteSeries::kNoRoute);
  context_ = std::make_unique<ProxyContext>(reactor_, limits_, logger_, counters_.block(0), routes_,
                                            nullptr, 0, 1);
  context_->snapshots.adopt(make_snapshot(), context_->clusters);
}

World::~World() {
  while (!connections_.empty()) connections_.begin()->second->cut_off();
  reactor_.finish_turn();
  context_.reset();
  reactor_.finish_turn();
}

void World::complain(const std::string& what) {
  if (errors_.size() < 4000) errors_.append(what.substr(0, 600)).append("\n");
}

Plan& World::add_plan() {
  const int id = static_cast<int>(book_.plans.size()) + 1;
  Plan& p = book_.plans[id];
  p.id = id;
  return p;
}

Client& World::add_client(std::vector<int> ids, Pace pace) {
  auto [fd, connection] = kernel_.dial();
  ConnectionOwner& owner = *this;
  auto c = std::make_unique<PlainConnection>(
      *context_, owner, ConnectionSource{.client = *SocketAddress::from_ip("10.9.0.1", 4000)},
      ListenerRole::proxy);
  DownstreamConnection* raw = c.get();
  connections_.emplace(raw, std::move(c));
  if (!raw->start(UniqueFd(fd))) complain("a client connection did not start");
  clients_.push_back(
      std::make_unique<Client>(dice_, book_, std::move(connection), std::move(ids), pace));
  return *clients_.back();
}

void World::on_connection_closed(DownstreamConnection& c) {
  const auto it = connections_.find(&c);
  reactor_.retire(std::move(it->second));
  connections_.erase(it);
}

Kernel::Answer World::on_connect(std::uint16_t port, const ConnectionPtr& connection) {
  const bool judge = port >= kFirstJudge && port < kFirstJudge + kJudges;
  if (!judge && (port < kFirstPort || port >= kFirstPort + kOrigins))
    complain("connect to a strange port");
  if (dice_.percent(connect_faults_)) {
    constexpr std::array kWays{Kernel::Answer::refuse_now, Kernel::Answer::refuse_later,
                               Kernel::Answer::silence};
    return kWays[dice_.below(kWays.size())];
  }
  if (judge) {
    judges_.push_back(std::make_unique<JudgeConnection>(dice_, book_, connection, judge_pace_));
    judges_.back()->leave_percent = leave_percent_;
    return Kernel::Answer::accept;
  }
  origins_.push_back(std::make_unique<OriginConnection>(dice_, book_, connection, origin_pace_));
  origins_.back()->leave_percent = leave_percent_;
  return Kernel::Answer::accept;
}

std::unique_ptr<const Filter> World::make_guard() {
  const std::size_t port = kFirstJudge + dice_.below(kJudges);
  const AuthConfig block{
      .type = AuthType::forward,
      .data = {"http://10.0.0.2:" + std::to_string(port) + std::string(JudgeConnection::kTarget)},
      .headers = {"Remote-User"},
      .timeout = Millis{2000}};
  return make_forward_auth(block, {.host = "a.test",
                                   .path = "/p",
                                   .connect = Millis{1000},
                                   .servers = servers_,
                                   .marks = marks_});
}

/// Every generation routes all that plans ask for, each time to other servers.
std::shared_ptr<const Snapshot> World::make_snapshot() {
  auto s = std::make_shared<Snapshot>();
  s->generation = ++generation_;
  std::vector<RouteTable::Entry> entries;
  for (const std::string_view path : {"/", "/b", "/p"}) {
    if (path == "/b" && dice_.percent(30)) continue;
    const auto n = static_cast<std::uint32_t>(s->routes.size());
    ClusterSpec cluster{.name = "a.test" + std::string(path)};
    const std::size_t first = dice_.below(kOrigins);
    for (std::size_t i = 0, count = dice_.up_to(kOrigins); i < count; ++i)
      cluster.endpoints.push_back(
          {"10.0.0.1", static_cast<std::uint16_t>(kFirstPort + (first + i) % kOrigins)});
    s->clusters.push_back(std::move(cluster));
    Route route;
    route.host = "a.test";
    route.path = path;
    route.cluster = ClusterId{n};
    route.timeouts = kTimeouts;
    if (path == "/p") {
      route.chain.add(make_guard());
      route.chain.add(std::make_unique<ForwardedFilter>(marks_));
    }
    s->routes.push_back(std::move(route));
    entries.push_back({"a.test", std::string(path), RouteId{n}});
  }
  s->table = RouteTable(std::move(entries), 7);
  return s;
}

void World::turn() {
  for (const auto& c : clients_) c->act(kernel_.now());
  for (const auto& o : origins_) o->act();
  for (const auto& j : judges_) j->act();
  kernel_.move_bytes();
  const auto waits = [](const auto& peer) { return peer->done() || peer->waits(); };
  const bool quiet = !kernel_.moving() && std::ranges::all_of(clients_, waits) &&
                     std::ranges::all_of(origins_, waits) && std::ranges::all_of(judges_, waits);
  // Slow to take many steps, but not so slow that the rules for slow peers apply.
  Millis sleep{dice_.percent(10) ? 1 : 0};
  if (quiet) {
    sleep = kLongest;
    for (const auto& c : clients_) sleep = c->patience(kernel_.now(), sleep);
  }
  kernel_.limit_sleep(sleep);
  reactor_.turn(kLongest);
  if (dice_.below(1000) < reloads_) context_->snapshots.adopt(make_snapshot(), context_->clusters);
  if (dice_.below(1000) < pauses_) kernel_.pass(Millis{static_cast<int>(dice_.below(20'000))});
  if (turns_ == drain_at_)
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->second->drain();
  std::erase_if(origins_, [](const auto& o) { return o->done(); });
  std::erase_if(judges_, [](const auto& j) { return j->done(); });
  ++turns_;
}

/// True after every turn, whatever has happened.
void World::check_turn() {
  const CounterBlock& c = counters_.block(0);
  const std::uint64_t running = c.read(Counter::requests_started) - c.read(Counter::requests);
  if (running != context_->exchanges.in_use())
    complain("counted " + std::to_string(running) + " running requests, in use are " +
             std::to_string(context_->exchanges.in_use()) + " exchanges");
  if (running > connections_.size()) complain("more requests than client connections");
}

bool World::all_quiet() const {
  return connections_.empty() &&
         std::ranges::all_of(clients_, [](const auto& c) { return c->done(); });
}

void World::run() {
  while (errors_.empty() && !all_quiet()) {
    turn();
    check_turn();
    if (turns_ == kMaxTurns) complain("stuck");
  }
  // Idle upstream connections run out.
  for (int i = 0; i < 40 && errors_.empty(); ++i) {
    kernel_.pass(Millis{5000});
    turn();
  }
  if (errors_.empty()) check_end();
}

std::string World::log() const {
  std::string text;
  for (const std::string& record : logger_.last) text.append("log: ").append(record).append("\n");
  return text;
}

void World::check_end() {
  const CounterTotals t = counters_.sum();
  std::size_t answered = 0;
  for (const auto& [id, p] : book_.plans) {
    if (p.outcome == Outcome::whole || p.outcome == Outcome::local_answer) ++answered;
    if (p.seen_by_origins > 0 && t.value(Counter::requests) == 0) complain("nothing was counted");
  }
  std::uint64_t reasons = 0;
  for (const ReasonInfo& r : kReasonTable) reasons += t.value(r.id);
  if (t.value(Counter::requests) != t.value(Counter::requests_started))
    complain("requests that began and never ended");
  if (t.value(Counter::requests) > book_.plans.size()) complain("a request was counted twice");
  if (t.value(Counter::requests) + reasons < answered) complain("an answer was not counted");
  if (logger_.records != reasons)
    complain("log records: " + std::to_string(logger_.records) +
             ", counted reasons: " + std::to_string(reasons));
  if (t.value(Counter::upstream_connections) != t.value(Counter::upstream_connections_closed))
    complain("connections to origins that were made and never ended");
  if (t.value(Counter::tunnels) != t.value(Counter::tunnels_closed))
    complain("tunnels that began and never ended");
  if (context_->exchanges.in_use() != 0) complain("an exchange is still in use");
  if (context_->subrequests.under_way() != 0) complain("a question is still under way");
  if (context_->clusters.idle_connections() != 0) complain("an idle connection is kept");
  if (reactor_.blocks().outstanding() != 0)
    complain(std::to_string(reactor_.blocks().outstanding()) + " blocks are still in use");
  if (kernel_.open_descriptors() != 0)
    complain(std::to_string(kernel_.open_descriptors()) + " sockets are still open");
}

std::size_t World::count(Outcome o) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      book_.plans, [o](const auto& entry) { return entry.second.outcome == o; }));
}

}  // namespace aralez::sim
