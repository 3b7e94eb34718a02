#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "world.h"

namespace aralez::sim {
namespace {

constexpr std::uint64_t kSeeds = 256;

/// What goes wrong in a run. `calm`: nothing does, so every request must succeed. `leaving`:
/// origins end idle connections at any time, which idempotent requests must survive.
enum class Weather : std::uint8_t { calm, leaving, rough };

Weather weather_of(std::uint64_t seed) {
  return seed % 8 == 0 ? Weather::leaving : seed % 4 == 1 ? Weather::calm : Weather::rough;
}

/// Small messages in bits and pieces, or large ones in larger steps.
enum class Grain : std::uint8_t { fine, coarse };

std::size_t some_size(Dice& dice, Grain grain) {
  constexpr std::array<std::size_t, 6> kFine{1, 30, 100, 100, 200, 400};
  constexpr std::array<std::size_t, 6> kCoarse{1, 300, 3000, 10'000, 20'000, 80'000};
  if (grain == Grain::coarse && dice.percent(4)) return dice.below(400'000);  // above a window
  return dice.below((grain == Grain::fine ? kFine : kCoarse)[dice.below(6)] + 1);
}

Pace some_pace(Dice& dice, Grain grain) {
  constexpr std::array<std::size_t, 4> kFine{1, 3, 20, 700};
  constexpr std::array<std::size_t, 4> kCoarse{1400, 5000, 20'000, 100'000};
  const auto& most = grain == Grain::fine ? kFine : kCoarse;
  return {.write = most[dice.below(4)],
          .read = most[dice.below(4)],
          .idle_percent = static_cast<unsigned>(dice.below(60))};
}

Cut some_cut(Dice& dice, std::size_t within) {
  constexpr std::array kFaults{Fault::reset, Fault::end, Fault::stall};
  return {kFaults[dice.below(kFaults.size())], dice.below(within + 1)};
}

void fill(Plan& p, Dice& dice, Weather weather, Grain grain) {
  constexpr std::array kIdempotent{"GET", "HEAD", "PUT", "DELETE", "GET"};
  constexpr std::array kFramings{Framing::length, Framing::chunked, Framing::until_end};
  const bool replayable = weather == Weather::leaving;
  p.method = replayable || dice.percent(50) ? kIdempotent[dice.below(kIdempotent.size())] : "POST";
  if (dice.percent(30)) p.path = "/b/";
  p.trailers = dice.percent(30);
  if (p.method == "POST" || p.method == "PUT") {
    p.request = dice.percent(50) ? Framing::length : Framing::chunked;
    p.request_size = std::min<std::size_t>(some_size(dice, grain), replayable ? 3000 : 1 << 20);
    // A trailer section cannot be kept for another try.
    if (replayable) p.trailers = false;
    p.expect = dice.percent(15);
  }
  p.http10 = dice.percent(10) && p.request != Framing::chunked && !p.expect;
  p.close = dice.percent(10);
  p.interims = dice.percent(15) && !p.http10 ? static_cast<int>(dice.up_to(3)) : 0;
  p.answer = kFramings[dice.below(kFramings.size())];
  p.answer_size = some_size(dice, grain);
  if (dice.percent(10)) p.status = dice.percent(50) ? 204 : 304;
  p.origin_closes = dice.percent(15);
  if (!replayable && dice.percent(8)) {
    p.method = "GET";
    p.request = Framing::none;
    p.http10 = p.expect = p.close = false;
    p.upgrade = true;
    p.status = 101;
    p.answer_size = std::min<std::size_t>(p.answer_size, 300'000);
  }
  if (weather != Weather::rough) return;
  p.early = dice.percent(10);
  if (dice.percent(15)) p.cut = some_cut(dice, p.answer_text().size());
  const bool lost_end = p.answer == Framing::until_end && p.cut.fault == Fault::end;
  if (lost_end) p.cut.fault = Fault::reset;  // otherwise no client could know
}

/// The route asks an authorization server first, or not.
void fill_verdict(Plan& p, Dice& dice, Weather weather, Grain grain) {
  if (dice.percent(20)) return;
  constexpr std::array kVerdicts{204, 200, 204, 200, 403, 302};
  p.path = Plan::kGuarded;
  p.verdict = kVerdicts[dice.below(kVerdicts.size())];
  p.verdict_size = some_size(dice, grain) % 70'000;  // above what is kept of one
  if (p.denied() && weather != Weather::rough) {
    // Else its connection may end: the rest of the request is too much, or may never come.
    p.request_size = std::min<std::size_t>(p.request_size, 3000);
    p.expect = false;
  }
  if (weather == Weather::rough && dice.percent(20))
    p.verdict_cut = some_cut(dice, p.verdict_text().size());
}

enum class Guards : bool { none, some };

void build(World& w, Weather weather, Guards guards) {
  Dice& dice = w.dice();
  const Grain grain = dice.percent(50) ? Grain::fine : Grain::coarse;
  constexpr std::array<std::size_t, 4> kSegments{1, 16, 1460, 65536};
  w.kernel().set_segment(kSegments[dice.below(2) + (grain == Grain::coarse ? 2 : 0)]);
  w.kernel().set_capacity(grain == Grain::fine && dice.percent(50) ? 300 : 65536);
  w.set_origin_pace(some_pace(dice, grain));
  if (guards == Guards::some) w.set_judge_pace(some_pace(dice, grain));
  w.set_reloads(dice.percent(50) ? static_cast<unsigned>(dice.below(60)) : 0);
  if (weather == Weather::leaving) w.set_origin_leave(20);
  if (weather == Weather::rough) {
    w.set_origin_leave(static_cast<unsigned>(dice.below(20)));
    w.set_connect_faults(static_cast<unsigned>(dice.below(30)));
    if (dice.percent(30)) w.set_pauses(static_cast<unsigned>(dice.below(15)));
    if (dice.percent(10)) w.drain_at(dice.below(300));
  }
  for (std::size_t c = 0, clients = dice.up_to(4); c < clients; ++c) {
    std::vector<int> ids;
    for (std::size_t i = 0, requests = dice.up_to(5); i < requests; ++i) {
      Plan& p = w.add_plan();
      fill(p, dice, weather, grain);
      if (guards == Guards::some) fill_verdict(p, dice, weather, grain);
      ids.push_back(p.id);
      if (p.upgrade || p.close || p.http10) break;  // the connection is used up
    }
    std::size_t bytes = 0;
    for (const int id : ids)
      bytes += w.plans().at(id).request_head().size() + w.plans().at(id).request_rest().size();
    Client& client = w.add_client(ids, some_pace(dice, grain));
    client.depth = dice.up_to(3);
    client.half_close = dice.percent(20);
    if (weather == Weather::rough && dice.percent(25)) client.cut = some_cut(dice, bytes);
  }
}

struct Tally {
  std::size_t whole = 0;
  std::size_t local = 0;
  std::size_t broken = 0;
  std::uint64_t reused = 0;
  std::uint64_t retries = 0;
  std::uint64_t tunnels = 0;
  std::uint64_t denied = 0;  ///< by an authorization server
  std::uint64_t late = 0;    ///< there was none in time
  std::uint64_t unreachable = 0;
};

void run_seed(std::uint64_t seed, Guards guards, Tally& tally) {
  World w(seed);
  const Weather weather = weather_of(seed);
  build(w, weather, guards);
  w.run();
  EXPECT_EQ(w.errors(), "") << "seed " << seed << ": run it alone with ARALEZ_SIM_SEED=" << seed
                            << "\n"
                            << w.log();
  tally.whole += w.count(Outcome::whole);
  tally.local += w.count(Outcome::local_answer);
  tally.broken += w.count(Outcome::broken);
  tally.reused += w.counted(Counter::upstream_reused);
  tally.retries += w.counted(Counter::retries);
  tally.tunnels += w.counted(Counter::tunnels);
  tally.denied += w.counted(Reason::auth_denied) + w.counted(Reason::auth_redirect);
  tally.late += w.counted(Reason::auth_timeout);
  tally.unreachable += w.counted(Reason::auth_unreachable);
  if (weather == Weather::rough) return;
  for (const auto& [id, p] : w.plans())
    EXPECT_EQ(p.outcome, p.denied() ? Outcome::local_answer : Outcome::whole)
        << "nothing went wrong, but request " << id << " failed; ARALEZ_SIM_SEED=" << seed << "\n"
        << w.log();
  if (guards == Guards::some) return;
  EXPECT_EQ(w.counted(Counter::upstream_connections) + w.counted(Counter::upstream_reused),
            w.counted(Counter::requests) + w.counted(Counter::retries))
      << "each attempt takes a new connection or a kept one; ARALEZ_SIM_SEED=" << seed;
}

/// All seeds, or the one that is asked for; how many they were, 0 for that one.
std::uint64_t run_seeds(Guards guards, Tally& tally) {
  if (const char* only = std::getenv("ARALEZ_SIM_SEED")) {
    run_seed(std::strtoull(only, nullptr, 10), guards, tally);
    return 0;
  }
  const char* wanted = std::getenv("ARALEZ_SIM_SEEDS");
  const std::uint64_t seeds = wanted ? std::strtoull(wanted, nullptr, 10) : kSeeds;
  for (std::uint64_t seed = 0; seed < seeds && !::testing::Test::HasFailure(); ++seed)
    run_seed(seed, guards, tally);
  return seeds;
}

/// Slow judges, silent ones and those that hang up; clients that leave meanwhile, reloads
/// meanwhile. What the peers hold to be wrong: a request that passes without a yes, a yes, a no or
/// a cookie of another.
TEST(Simulation, nothing_passes_without_the_yes_of_an_authorization_server) {
  Tally tally;
  const std::uint64_t seeds = run_seeds(Guards::some, tally);
  if (seeds == 0) return;
  EXPECT_GT(tally.whole, seeds);
  EXPECT_GT(tally.denied, seeds / 4);
  EXPECT_GT(tally.late, seeds / 32);
  EXPECT_GT(tally.unreachable, seeds / 32);
  EXPECT_GT(tally.broken, seeds / 8);
  EXPECT_GT(tally.tunnels, seeds / 32);
}

TEST(Simulation, every_client_gets_its_own_whole_answer_or_sees_a_failure) {
  Tally tally;
  const std::uint64_t seeds = run_seeds(Guards::none, tally);
  if (seeds == 0) return;
  // Otherwise the runs prove little.
  EXPECT_GT(tally.whole, seeds * 2);
  EXPECT_GT(tally.local, seeds / 8);
  EXPECT_GT(tally.broken, seeds / 8);
  EXPECT_GT(tally.reused, seeds / 4);
  EXPECT_GT(tally.retries, seeds / 8);
  EXPECT_GT(tally.tunnels, seeds / 16);
  RecordProperty("whole", static_cast<int>(tally.whole));
  RecordProperty("local", static_cast<int>(tally.local));
  RecordProperty("broken", static_cast<int>(tally.broken));
}

/// Everything crosses twice, ends and all, while one side or both take it slowly: receiving pauses
/// for credit with the last words and the end of the peer still in the kernel.
TEST(Tunnel, larger_than_all_windows_comes_back_whole_however_slowly_it_is_taken) {
  for (std::uint64_t seed = 0; seed < 8 && !HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    World w(seed);
    Plan& p = w.add_plan();
    p.upgrade = true;
    p.status = 101;
    p.answer_size = 100'000 + w.dice().below(200'000);
    const auto read = [&](bool slow) { return slow ? std::size_t{1500} : std::size_t{100'000}; };
    w.set_origin_pace({.write = 100'000, .read = read(seed % 4 >= 2), .idle_percent = 0});
    w.add_client({p.id}, {.write = 100'000, .read = read(seed % 2 == 1), .idle_percent = 0});
    w.run();
    EXPECT_EQ(w.errors(), "") << w.log();
    EXPECT_EQ(p.outcome, Outcome::whole) << w.log();
  }
}

TEST(Tunnel, whose_upstream_has_ended_and_takes_no_more_ends_at_its_idle_time) {
  for (const std::size_t size :
       {20'000, 300'000}) {  // the client's end behind less or more than fits
    for (std::uint64_t seed = 0; seed < 6 && !HasFailure(); ++seed) {
      SCOPED_TRACE(::testing::Message() << size << " bytes, seed " << seed);
      World w(seed);
      Plan& p = w.add_plan();
      p.upgrade = true;
      p.status = 101;
      p.answer_size = size;
      p.cut = {Fault::end, p.answer_text().size()};
      w.kernel().set_capacity(8192);
      w.add_client({p.id}, {.write = 100'000, .read = 1500, .idle_percent = 0});
      w.run();
      EXPECT_EQ(w.errors(), "") << w.log();
      EXPECT_EQ(p.outcome, Outcome::broken) << w.log();
    }
  }
}

}  // namespace
}  // namespace aralez::sim
