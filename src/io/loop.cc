#include "io/loop.h"

namespace aralez {

void Loop::finish_turn(Load load) {
  timers_.advance(now_);
  run_deferred();
  IntrusiveList<Deferred> last;
  turn_end_.splice_to(last);
  answers_waited_ = load == Load::busy && !answers_waited_ && !answers_.empty();
  if (!answers_waited_) answers_.splice_to(last);
  while (!last.empty()) {
    last.pop_front().run();
    run_deferred();
  }
  // Destructors may retire more; that waits for the next turn.
  std::vector<std::unique_ptr<Retired>> gone;
  gone.swap(retired_);
  gone.clear();
  if (retired_.empty()) retired_.swap(gone);  // keeps the capacity
}

}  // namespace aralez
