#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <thread>

#include "io/mailbox.h"
#include "io/pipe_pool.h"
#include "io/reactor.h"

namespace aralez {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

class Step final : public Deferred {
 public:
  Step(std::string& log, std::string name) : log_(log), name_(std::move(name)) {}

 private:
  void run() override { log_ += name_; }
  std::string& log_;
  std::string name_;
};

TEST(Loop, little_to_answer_waits_for_one_more_turn_of_a_busy_loop) {
  Loop loop(kStart);
  std::string log;
  Step a(log, "a");
  Step b(log, "b");
  loop.defer_answers(a, 100);
  loop.finish_turn(Loop::Load::busy);
  EXPECT_EQ(log, "");
  EXPECT_TRUE(loop.has_work());
  loop.defer_answers(b, 100);
  loop.finish_turn(Loop::Load::busy);
  EXPECT_EQ(log, "ab");
  EXPECT_FALSE(loop.has_work());
  loop.defer_answers(a, 100);
  loop.finish_turn(Loop::Load::busy);
  loop.finish_turn(Loop::Load::light);
  EXPECT_EQ(log, "aba");
}

TEST(Loop, answers_do_not_wait_in_a_loop_that_is_not_busy_nor_when_they_are_many) {
  Loop loop(kStart);
  std::string log;
  Step a(log, "a");
  loop.defer_answers(a, 100);
  loop.finish_turn(Loop::Load::light);
  EXPECT_EQ(log, "a");
  loop.defer_answers(a, 100);
  loop.defer_answers(a, 100'000);
  loop.finish_turn(Loop::Load::busy);
  EXPECT_EQ(log, "aa");
}

TEST(Loop, runs_deferred_work_once_however_often_it_was_asked_for) {
  Loop loop(kStart);
  std::string log;
  Step a(log, "a"), b(log, "b"), late(log, "z");
  loop.defer_to_turn_end(late);
  loop.defer(a);
  loop.defer(b);
  loop.defer(a);
  loop.run_deferred();
  EXPECT_EQ(log, "ab");
  EXPECT_TRUE(loop.has_work());
  loop.finish_turn();
  EXPECT_EQ(log, "abz");
  EXPECT_FALSE(loop.has_work());
}

TEST(Loop, runs_a_group_in_one_go_at_the_end_of_the_turn) {
  Loop loop(kStart);
  std::string log;
  Step a1(log, "a1 "), b1(log, "b1 "), a2(log, "a2 "), b2(log, "b2 ");
  DeferredGroup a, b;
  loop.defer_in(a, a1);
  loop.defer_in(b, b1);
  loop.defer_in(a, a2);
  loop.defer_in(b, b2);
  loop.finish_turn();
  EXPECT_EQ(log, "a1 a2 b1 b2 ");
}

TEST(Loop, forgets_deferred_work_that_is_cancelled_or_gone) {
  Loop loop(kStart);
  std::string log;
  Step kept(log, "k"), cancelled(log, "c");
  {
    Step gone(log, "g");
    loop.defer(gone);
    loop.defer(kept);
    loop.defer(cancelled);
  }
  cancelled.cancel();
  loop.run_deferred();
  EXPECT_EQ(log, "k");
}

class Doomed final : public Retired {
 public:
  Doomed(Loop& loop, std::string& log, int depth) : loop_(loop), log_(log), depth_(depth) {}
  Doomed(const Doomed&) = delete;
  Doomed& operator=(const Doomed&) = delete;
  ~Doomed() override {
    log_ += std::to_string(depth_);
    if (depth_ > 0) loop_.retire(std::make_unique<Doomed>(loop_, log_, depth_ - 1));
  }

 private:
  Loop& loop_;
  std::string& log_;
  int depth_;
};

TEST(Loop, frees_what_was_retired_at_the_end_of_the_turn) {
  std::string log;
  {
    Loop loop(kStart);
    loop.retire(std::make_unique<Doomed>(loop, log, 2));
    loop.run_deferred();
    EXPECT_EQ(log, "");
    loop.finish_turn();
    EXPECT_EQ(log, "2") << "what a destructor retires waits for the next turn";
  }
  EXPECT_EQ(log, "210") << "nothing is left behind when the loop goes";
}

bool readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) == 1;
}

TEST(Mailbox, delivers_in_order_and_is_readable_until_then) {
  Mailbox box;
  EXPECT_FALSE(readable(box.fd()));
  std::string log;
  box.post([&] {
    log += "a";
    box.post([&] { log += "c"; });
  });
  box.post([&] { log += "b"; });
  EXPECT_TRUE(readable(box.fd()));
  box.deliver();
  EXPECT_EQ(log, "ab");
  EXPECT_TRUE(readable(box.fd())) << "what a letter posts comes with the next delivery";
  box.deliver();
  EXPECT_EQ(log, "abc");
  EXPECT_FALSE(readable(box.fd()));
}

TEST(Reactor, runs_the_letters_of_many_threads_each_in_its_order) {
  constexpr int kThreads = 4;
  constexpr int kLetters = 500;
  Reactor reactor;
  std::array<std::vector<int>, kThreads> got;
  int left = kThreads * kLetters;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kLetters; ++i)
        reactor.mailbox().post([&, t, i] {
          got[t].push_back(i);
          if (--left == 0) reactor.stop();
        });
    });
  }
  reactor.run();
  for (auto& thread : threads) thread.join();
  for (const auto& letters : got) {
    ASSERT_EQ(letters.size(), static_cast<std::size_t>(kLetters));
    EXPECT_TRUE(std::is_sorted(letters.begin(), letters.end()));
  }
}

class Bell final : public Timer {
 public:
  explicit Bell(Reactor& r) : reactor_(r) {}

 private:
  void on_timer(TimePoint) override { reactor_.stop(); }
  Reactor& reactor_;
};

TEST(Reactor, wakes_for_a_timer) {
  Reactor reactor;
  Bell bell(reactor);
  bell.arm(reactor.timers(), reactor.now() + Millis(20));
  reactor.run();  // hangs for a minute when it does not
  EXPECT_FALSE(bell.armed());
  EXPECT_GE(reactor.now(), bell.deadline());
}

TEST(PipePool, reuses_a_pipe_that_came_back_empty_and_no_other) {
  PipePool pool;
  SplicePipe* first = nullptr;
  int write_fd = -1;
  {
    const KernelRef ref(first = pool.take());
    ASSERT_NE(first, nullptr);
    write_fd = first->write_fd();
    EXPECT_GE(first->capacity(), 4096U);
  }
  {
    const KernelRef ref(pool.take());
    EXPECT_EQ(static_cast<const void*>(ref.operator->()), static_cast<const void*>(first));
    ASSERT_EQ(::write(write_fd, "left", 4), 4);
    first->filled(4);
    EXPECT_EQ(first->level(), 4U);
  }
  SplicePipe* next = pool.take();
  const KernelRef ref(next);
  EXPECT_EQ(next->level(), 0U);
  std::array<char, 8> bytes{};
  EXPECT_EQ(::read(next->fd(), bytes.data(), bytes.size()), -1) << "nobody else's bytes are in it";
}

TEST(PipePool, keeps_no_more_pipes_than_it_was_told) {
  PipePool pool(1);
  int first = -1;
  int second = -1;
  {
    SplicePipe* a = pool.take();
    SplicePipe* b = pool.take();
    const KernelRef ref_a(a), ref_b(b);
    first = a->fd();
    second = b->fd();
  }
  const bool first_open = ::fcntl(first, F_GETFD) >= 0;
  const bool second_open = ::fcntl(second, F_GETFD) >= 0;
  EXPECT_NE(first_open, second_open);
}

}  // namespace
}  // namespace aralez
