#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/block.h"
#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/prefetch.h"
#include "io/pipe_pool.h"
#include "io/timer_wheel.h"

namespace aralez {

/// Work put off until the current event has been handled: output to flush, the next pipelined
/// request.
class Deferred : private ListNode {
 public:
  virtual ~Deferred() = default;
  [[nodiscard]] bool pending() const noexcept { return linked(); }
  void cancel() noexcept { unlink(); }

 protected:
  virtual void run() = 0;

 private:
  friend class Loop;
  friend class DeferredGroup;
  friend class DeferredLine;
  friend class IntrusiveList<Deferred>;

  static constexpr std::size_t kFetchedBefore = 512;
  static constexpr std::size_t kFetchedBehind = 64;

  /// Runs all of `work`, also what joins it meanwhile; fetches each owner while the one before it
  /// runs.
  static void run_all(IntrusiveList<Deferred>& work) {
    while (!work.empty()) {
      Deferred& d = work.pop_front();
      if (!work.empty()) prefetch_around(&work.front(), kFetchedBefore, kFetchedBehind);
      d.run();
    }
  }
};

/// Deferred as a member: calls a member function of its owner.
template <class Owner, void (Owner::*Fn)()>
class MemberDeferred final : public Deferred {
 public:
  explicit MemberDeferred(Owner& owner) : owner_(owner) {}

 private:
  void run() override { (owner_.*Fn)(); }
  Owner& owner_;
};

/// Work for one destination, done in one go at the end of a turn. Output to a process that was just
/// woken finds it awake (measured in docs/adr/0009).
class DeferredGroup final : public Deferred {
 public:
  void add(Deferred& d) noexcept {
    if (!d.pending()) work_.push_back(d);
  }

 private:
  void run() override { run_all(work_); }
  IntrusiveList<Deferred> work_;
};

/// Work that waits in the order in which it came until somebody lets the next of it go on.
class DeferredLine {
 public:
  void add(Deferred& d) noexcept { work_.push_back(d); }
  /// Pre: some waits.
  void run_next() { work_.pop_front().run(); }

 private:
  IntrusiveList<Deferred> work_;
};

/// What is destroyed only when the loop turn ends, so that no caller up the stack loses its object
/// (law 4).
class Retired {
 public:
  virtual ~Retired() = default;
};

/// The part of a worker's event loop that needs no kernel: time that was told, timers, buffers,
/// deferred work. A simulation drives one by hand. One thread.
class Loop {
 public:
  explicit Loop(TimePoint now) : now_(now), timers_(now) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    while (!retired_.empty()) finish_turn();
  }

  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  [[nodiscard]] BlockPool& blocks() noexcept { return blocks_; }
  [[nodiscard]] PipePool& pipes() noexcept { return pipes_; }

  /// Runs `d` when the current event has been handled. Twice before that is once.
  void defer(Deferred& d) noexcept {
    if (!d.linked()) deferred_.push_back(d);
  }
  /// Runs `d` when all events of this turn have been handled.
  void defer_to_turn_end(Deferred& d) noexcept {
    if (!d.linked()) turn_end_.push_back(d);
  }
  /// For output to a client of many streams, of which `bytes` wait so far: little of it waits for
  /// one more turn in a busy loop, since answers that are asked for together come in several turns
  /// (docs/adr/0024).
  void defer_answers(Deferred& d, std::uint64_t bytes) noexcept {
    if (bytes < kFewBytes) {
      if (!d.linked()) answers_.push_back(d);
    } else {
      d.unlink();
      turn_end_.push_back(d);
    }
  }
  /// Runs `d` with the rest of its group when all events of this turn have been handled.
  void defer_in(DeferredGroup& group, Deferred& d) noexcept {
    group.add(d);
    defer_to_turn_end(group);
  }
  void retire(std::unique_ptr<Retired> object) { retired_.push_back(std::move(object)); }

  /// After a few events.
  void run_deferred() { Deferred::run_all(deferred_); }
  enum class Load : std::uint8_t { light, busy };
  /// After the events of a turn: fires timers, runs what was put off, frees what was retired.
  void finish_turn(Load load = Load::light);
  /// Work waits for the end of another turn, so that one must not sleep: edge-triggered descriptors
  /// say nothing twice.
  [[nodiscard]] bool has_work() const noexcept { return !turn_end_.empty() || !answers_.empty(); }
  void set_now(TimePoint now) noexcept { now_ = now; }

 private:
  static constexpr std::uint64_t kFewBytes = 8192;

  TimePoint now_;
  BlockPool blocks_;
  PipePool pipes_;
  TimerWheel timers_;
  IntrusiveList<Deferred> deferred_;
  IntrusiveList<Deferred> turn_end_;
  IntrusiveList<Deferred> answers_;  ///< of defer_answers()
  bool answers_waited_ = false;      ///< for a turn
  std::vector<std::unique_ptr<Retired>> retired_;
};

}  // namespace aralez
