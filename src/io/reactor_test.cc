#include "io/reactor.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

/// Puts itself off again each time it runs, as a socket does that has more to read than its turn
/// allows.
class PutOff final : public Deferred {
 public:
  explicit PutOff(Loop& loop) : loop_(loop) {}
  int runs = 0;

 private:
  void run() override {
    if (++runs < 5) loop_.defer_to_turn_end(*this);
  }
  Loop& loop_;
};

// A turn that sleeps over put-off work hangs here until the test's own time limit: nothing else
// wakes it.
TEST(Reactor, does_not_sleep_while_work_waits_for_the_end_of_a_turn) {
  Reactor reactor;
  PutOff work(reactor);
  reactor.defer_to_turn_end(work);
  for (int turn = 0; turn < 5; ++turn) reactor.turn(Millis{3'600'000});
  EXPECT_EQ(work.runs, 5);
  EXPECT_FALSE(reactor.has_work());
}

}  // namespace
}  // namespace aralez
