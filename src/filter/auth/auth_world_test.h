#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "filter/auth/shared.h"
#include "filter/filter.h"

namespace aralez {

/// One request and the worker that it is on.
class AuthWorld : public ::testing::Test, public RequestDriver {
 protected:
  void TearDown() override { shared_.stop(); }
  void wait_for(PendingStep& step) override { pending_ = &step; }
  void resume(Verdict verdict, Reply&& reply) override {
    pending_ = nullptr;
    later_ = verdict;
    reply_ = std::move(reply);
  }
  RequestContext request_context() override {
    return {head_, path_, "a.test", client_, arena_, pool_, now_, &worker_, this};
  }

  void begin() {
    head_ = Head();
    path_ = TargetPath();
    reply_ = Reply();
    later_.reset();
  }
  /// What the filter decides, at once or later.
  Verdict ask(const Filter& filter) {
    reply_ = Reply();
    later_.reset();
    RequestContext request = request_context();
    first_ = filter.on_request_head(request, reply_);
    if (first_ != Verdict::wait) return first_;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!later_ && std::chrono::steady_clock::now() < deadline) reactor_.turn(Millis{10});
    EXPECT_TRUE(later_.has_value());
    return later_.value_or(Verdict::wait);
  }
  Verdict ask_with(const Filter& filter, std::string_view authorization) {
    begin();
    head_.fields.add(arena_, {"Authorization", authorization, FieldId::authorization});
    return ask(filter);
  }
  [[nodiscard]] std::string challenge() const {
    const Field* field = reply_.fields.find("www-authenticate");
    return field ? std::string(field->value) : std::string();
  }

  Reactor reactor_;
  CounterBlock counters_;
  WorkerContext worker_{.reactor = reactor_, .counters = counters_};
  BlockPool pool_;
  Arena arena_{pool_};
  Head head_;
  TargetPath path_;
  ClientInfo client_;
  std::time_t now_ = 1'600'000'000;
  Reply reply_;
  PendingStep* pending_ = nullptr;
  Verdict first_ = Verdict::proceed;  ///< of the call itself
  std::optional<Verdict> later_;
  AuthShared shared_{1, 2};
};

}  // namespace aralez
