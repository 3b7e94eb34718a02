#include "server/ask_servers.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "cluster/cluster.h"

namespace aralez {
namespace {

constexpr Millis kTime{3'000};
constexpr Error kNoAnswer{Errc::timeout, Origin::upstream, "no answer in time"};

/// One server; waits for a connection to it.
class Asked final : public ConnectionWaiter {
 public:
  void ask(EndpointPool& pool, const ConnectionWish& wish) {
    if (const auto known = pool.known(); known != UpstreamProtocol::unknown)
      answer_ = known;
    else if (auto begun = pool.connect(*this, wish, kTime); !begun)
      answer_ = std::unexpected(begun.error());
    else
      pending_ = *begun;
  }
  [[nodiscard]] bool waits() const noexcept { return pending_ != nullptr; }
  void give_up() {
    if (pending_) std::exchange(pending_, nullptr)->forget_waiter();
  }
  [[nodiscard]] const Result<UpstreamProtocol>& answer() const noexcept { return answer_; }

 private:
  void on_upstream_ready(UpstreamConnection& c) override {
    pending_ = nullptr;
    answer_ = c.protocol();
    c.leave_spare();
  }
  void on_upstream_failed(Error why) override {
    pending_ = nullptr;
    answer_ = std::unexpected(why);
  }

  PendingConnect* pending_ = nullptr;
  Result<UpstreamProtocol> answer_ = std::unexpected(kNoAnswer);
};

/// What connections need of a worker.
struct Surroundings {
  Reactor reactor;
  h1::HeadScratch scratch;
  h2::Shared h2{reactor};
  Limits limits;
  NullLogger logger;
  CounterBlock counters;
};

ServerAnswers ask(Surroundings& s, const ClusterSpec& cluster, const ConnectionWish& wish) {
  ClusterManager manager({.reactor = s.reactor,
                          .scratch = s.scratch,
                          .h2 = s.h2,
                          .limits = s.limits,
                          .logger = s.logger,
                          .counters = s.counters});
  const auto clusters = manager.adopt({cluster});
  std::deque<Asked> asked(cluster.endpoints.size());  // they do not move
  for (std::uint32_t i = 0; i < asked.size(); ++i) asked[i].ask(clusters[0]->endpoint(i), wish);
  const auto waits = [](const Asked& a) { return a.waits(); };
  const TimePoint end = s.reactor.now() + kTime + kTime / 3;
  while (std::ranges::any_of(asked, waits) && s.reactor.now() < end) s.reactor.turn(Millis{50});
  ServerAnswers answers;
  for (Asked& a : asked) {
    a.give_up();
    answers.push_back(a.answer());
  }
  return answers;
}

}  // namespace

ServerAnswers ask_servers(const ClusterSpec& cluster, const ConnectionWish& wish) {
  const auto surroundings = std::make_unique<Surroundings>();
  auto answers = ask(*surroundings, cluster, wish);
  surroundings->reactor.finish_turn();  // what was closed goes before what it refers to
  return answers;
}

}  // namespace aralez
