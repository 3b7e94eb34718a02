#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "http/request_context.h"
#include "http/worker_context.h"
#include "support/turn_until.h"

namespace aralez::testing {

/// A request for a.test on a worker of its own, for steps of a route that may decide later: notes
/// what they wait for and what they decide.
class RequestWorld : public ::testing::Test, public RequestDriver {
 protected:
  void wait_for(PendingStep& step) override { pending_ = &step; }
  void resume(Verdict verdict, Reply&& reply) override {
    pending_ = nullptr;
    ++resumed_;
    later_ = verdict;
    reply_ = std::move(reply);
  }
  RequestContext request_context() override {
    return {head_, path_,    "a.test", client_,    arena_,         pool_,
            now_,  &worker_, this,     &endpoint_, &answer_fields_};
  }
  /// Lets the worker do what was posted to it. False when `done` does not become true.
  template <typename Done>
  [[nodiscard]] bool turn_until(Done done) {
    return testing::turn_until(reactor_, done);
  }

  Reactor reactor_;
  CounterBlock counters_;
  WorkerContext worker_{.reactor = reactor_, .counters = counters_};
  BlockPool pool_;
  Arena arena_{pool_};
  Head head_;
  TargetPath path_;
  ClientInfo client_;
  EndpointChoice endpoint_;
  Fields answer_fields_;
  std::time_t now_ = 1'600'000'000;
  Reply reply_;                     ///< of the call, then of resume()
  PendingStep* pending_ = nullptr;  ///< while a step waits
  std::optional<Verdict> later_;    ///< of resume()
  int resumed_ = 0;
};

}  // namespace aralez::testing
