#pragma once

#include <memory>
#include <string>
#include <vector>

#include "filter/auth/forward/servers.h"
#include "filter/question_marks.h"
#include "judge.h"
#include "proxy/context.h"
#include "proxy/plain_connection.h"

namespace aralez::sim {

/// Counts records; the text of the last few goes into a failure's message.
class CountingLogger final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view target, std::string_view message) override {
    if (target.starts_with("aralez::proxy")) ++records;
    last.push_back(std::string(message));
    if (last.size() > 8) last.erase(last.begin());
  }
  std::size_t records = 0;  ///< of requests and clients; servers have lines of their own
  std::vector<std::string> last;
};

/// A worker's data path with real sockets, codecs, exchanges and pools over a simulated kernel, and
/// all its peers.
class World final : private ConnectionOwner {
 public:
  static constexpr std::uint16_t kFirstPort = 7001;
  static constexpr std::size_t kOrigins = 4;
  static constexpr std::uint16_t kFirstJudge = 7101;
  static constexpr std::size_t kJudges = 2;

  explicit World(std::uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // What a run is made of; before run().
  Plan& add_plan();
  Client& add_client(std::vector<int> ids, Pace pace);
  void set_origin_pace(Pace pace) { origin_pace_ = pace; }
  /// How often a connect fails, in one way or another.
  void set_connect_faults(unsigned percent) { connect_faults_ = percent; }
  void set_origin_leave(unsigned percent) { leave_percent_ = percent; }
  void set_judge_pace(Pace pace) { judge_pace_ = pace; }
  /// How often the configuration is replaced, per thousand turns.
  void set_reloads(unsigned per_mille) { reloads_ = per_mille; }
  /// How often a turn is followed by some seconds of nothing, per thousand.
  void set_pauses(unsigned per_mille) { pauses_ = per_mille; }
  /// Stops accepting work in the middle, as on SIGTERM.
  void drain_at(std::size_t turn) { drain_at_ = turn; }

  /// Until every client is done and every connection is over. Complaints go to errors().
  void run();

  [[nodiscard]] const std::string& errors() const { return errors_; }
  /// The last records of the proxy's log.
  [[nodiscard]] std::string log() const;
  [[nodiscard]] Dice& dice() { return dice_; }
  [[nodiscard]] Kernel& kernel() { return kernel_; }
  [[nodiscard]] const std::map<int, Plan>& plans() const { return book_.plans; }
  [[nodiscard]] std::size_t count(Outcome o) const;
  [[nodiscard]] std::uint64_t counted(Counter c) const { return counters_.sum().value(c); }
  [[nodiscard]] std::uint64_t counted(Reason r) const { return counters_.sum().value(r); }
  [[nodiscard]] std::size_t turns() const { return turns_; }

 private:
  void on_connection_closed(DownstreamConnection& c) override;
  Kernel::Answer on_connect(std::uint16_t port, const ConnectionPtr& connection);
  [[nodiscard]] std::shared_ptr<const Snapshot> make_snapshot();
  [[nodiscard]] std::unique_ptr<const Filter> make_guard();
  void turn();
  void check_turn();
  void check_end();
  [[nodiscard]] bool all_quiet() const;
  void complain(const std::string& what);

  static constexpr std::size_t kMaxTurns = 40'000;

  Dice dice_;
  Kernel kernel_{dice_};
  Book book_;
  Limits limits_;
  CountingLogger logger_;
  CounterSet counters_{1};
  RouteCounters routes_;
  ForwardServers servers_{""};
  QuestionMarks marks_{"a key"};
  Reactor reactor_;
  std::unique_ptr<ProxyContext> context_;
  std::map<DownstreamConnection*, std::unique_ptr<DownstreamConnection>> connections_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<OriginConnection>> origins_;
  std::vector<std::unique_ptr<JudgeConnection>> judges_;
  Pace origin_pace_;
  Pace judge_pace_;
  unsigned connect_faults_ = 0;
  unsigned leave_percent_ = 0;
  unsigned reloads_ = 0;
  unsigned pauses_ = 0;
  std::size_t drain_at_ = kMaxTurns;
  std::size_t turns_ = 0;
  std::uint64_t generation_ = 0;
  std::string errors_;
};

}  // namespace aralez::sim
