#include <gtest/gtest.h>

#include <array>

#include "world.h"

namespace aralez::sim {
namespace {

/// One exchange, cut at each byte of what one side sends, in each way.
struct Case {
  const char* name;
  void (*fill)(Plan&);
};

constexpr std::array kCases{
    Case{"get", [](Plan& p) { p.answer_size = 40; }},
    Case{"get_chunked_with_trailers",
         [](Plan& p) {
           p.answer = Framing::chunked;
           p.answer_size = 40;
           p.trailers = true;
           p.interims = 1;
         }},
    Case{"get_until_end",
         [](Plan& p) {
           p.answer = Framing::until_end;
           p.answer_size = 40;
         }},
    Case{"http10_get_of_chunks",
         [](Plan& p) {
           p.http10 = true;
           p.answer = Framing::chunked;
           p.answer_size = 40;
         }},
    Case{"post",
         [](Plan& p) {
           p.method = "POST";
           p.request = Framing::length;
           p.request_size = 30;
           p.answer_size = 20;
         }},
    Case{"post_chunked_with_trailers",
         [](Plan& p) {
           p.method = "POST";
           p.request = Framing::chunked;
           p.request_size = 30;
           p.trailers = true;
           p.answer_size = 20;
         }},
    Case{"put_answered_early",
         [](Plan& p) {
           p.method = "PUT";
           p.request = Framing::length;
           p.request_size = 30;
           p.answer_size = 20;
           p.early = true;
         }},
    Case{"tunnel",
         [](Plan& p) {
           p.upgrade = true;
           p.status = 101;
           p.answer_size = 20;
         }},
};

class EveryByte : public ::testing::TestWithParam<Case> {
 protected:
  static void run(std::uint64_t seed, Cut of_origin, Cut of_client, Outcome& outcome) {
    World w(seed);
    Plan& p = w.add_plan();
    GetParam().fill(p);
    p.cut = of_origin;
    Client& c = w.add_client({p.id}, {.idle_percent = 0});
    c.cut = of_client;
    w.set_origin_pace({.write = seed % 2 == 0 ? 4096U : 1U, .idle_percent = 0});
    w.run();
    ASSERT_EQ(w.errors(), "") << w.log();
    outcome = p.outcome;
  }
};

TEST_P(EveryByte, of_the_answer_is_followed_by_a_fault) {
  Plan p;
  p.id = 1;
  GetParam().fill(p);
  const std::size_t size = p.answer_text().size();
  for (const Fault fault : {Fault::reset, Fault::end, Fault::stall}) {
    if (fault == Fault::end && p.answer == Framing::until_end) continue;
    for (std::size_t at = 0; at < size; ++at) {
      SCOPED_TRACE(::testing::Message() << "fault " << static_cast<int>(fault) << " at " << at);
      Outcome outcome{};
      run(at * 3 + static_cast<std::size_t>(fault), {fault, at}, {}, outcome);
      if (HasFatalFailure()) return;
      ASSERT_TRUE(outcome == Outcome::local_answer || outcome == Outcome::broken);
    }
  }
}

TEST_P(EveryByte, of_the_request_is_followed_by_a_fault) {
  Plan p;
  p.id = 1;
  GetParam().fill(p);
  const std::size_t size = p.request_head().size() + p.request_rest().size();
  for (const Fault fault : {Fault::reset, Fault::end, Fault::stall}) {
    for (std::size_t at = 0; at < size; ++at) {
      SCOPED_TRACE(::testing::Message() << "fault " << static_cast<int>(fault) << " at " << at);
      Outcome outcome{};
      run(at * 3 + static_cast<std::size_t>(fault), {}, {fault, at}, outcome);
      if (HasFatalFailure()) return;
      if (!p.early) {
        ASSERT_NE(outcome, Outcome::whole);
      }
    }
  }
}

TEST_P(EveryByte, in_place_the_answer_is_whole) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Outcome outcome{};
    run(seed, {}, {}, outcome);
    if (HasFatalFailure()) return;
    ASSERT_EQ(outcome, Outcome::whole) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Simulation, EveryByte, ::testing::ValuesIn(kCases),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace aralez::sim
