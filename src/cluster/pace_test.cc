#include "cluster/pace.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <queue>
#include <vector>

namespace aralez {
namespace {

/// A clock that the test moves.
class Paced : public ::testing::Test {
 protected:
  void pass(Millis time) { now_ += time; }
  bool full(std::size_t waiting = 0) { return pace_.full(waiting, now_); }
  std::vector<Pace::Ticket> enter(std::uint32_t n) {
    std::vector<Pace::Ticket> tickets;
    for (std::uint32_t i = 0; i < n; ++i) tickets.push_back(pace_.enter(now_));
    return tickets;
  }
  void leave(const std::vector<Pace::Ticket>& tickets, Pace::Left how = Pace::Left::answered) {
    for (const Pace::Ticket t : tickets) pace_.leave(t, how, now_);
  }
  /// So many that come one after the other and are answered at once.
  void answer(int n) {
    for (int i = 0; i < n; ++i) leave(enter(1));
  }
  /// As many as get through, none of them answered in time.
  void stall() {
    while (!full()) enter(1);
    pass(2 * Pace::kYoung);
  }
  void open_it() {
    for (int i = 0; i < 60 && !open(); ++i) stall();
    ASSERT_TRUE(open());
  }
  /// Answers of a server that has always as many requests as it may have.
  void one_after_the_other(std::uint32_t answers) {
    for (; answers > 0; --answers) {
      while (!full()) there_.push_back(pace_.enter(now_));
      now_ += std::chrono::microseconds(40);
      pace_.leave(there_.front(), Pace::Left::answered, now_);
      there_.pop_front();
    }
  }
  /// Whether it takes any number; leaves nothing behind.
  bool open() {
    const auto tickets = enter(1000);
    const bool open = !full();
    leave(tickets, Pace::Left::gone);
    return open;
  }

  TimePoint now_{std::chrono::seconds(1000)};
  Pace pace_;
  std::deque<Pace::Ticket> there_;
};

TEST_F(Paced, gives_few_at_once_and_more_when_some_have_left) {
  const auto first = enter(Pace::kFew - 1);
  EXPECT_FALSE(full());
  enter(1);
  EXPECT_TRUE(full());
  pace_.leave(first[0], Pace::Left::answered, now_);
  EXPECT_FALSE(full());
  enter(1);
  EXPECT_TRUE(full());
  pace_.leave(first[1], Pace::Left::gone, now_);
  EXPECT_FALSE(full());
}

TEST_F(Paced, gives_more_at_once_when_many_wait) {
  enter(Pace::kFew);
  EXPECT_TRUE(full(Pace::kShare - 1));
  EXPECT_FALSE(full(Pace::kShare));
  enter(1);
  EXPECT_TRUE(full(Pace::kShare));
  EXPECT_FALSE(full(2 * Pace::kShare));
}

TEST_F(Paced, does_not_count_what_has_been_without_an_answer_for_long) {
  const auto old = enter(Pace::kFew);
  pass(Pace::kYoung);
  EXPECT_TRUE(full()) << "they may just have been sent";
  pass(Pace::kYoung);
  EXPECT_FALSE(full());
  enter(Pace::kFew);
  leave(old);
  EXPECT_TRUE(full()) << "those that left late were not counted any more";
}

TEST_F(Paced, counts_those_of_two_ages) {
  const auto older = enter(Pace::kFew / 2);
  pass(Pace::kYoung);
  enter(Pace::kFew / 2);
  EXPECT_TRUE(full());
  leave({older[0]});
  EXPECT_FALSE(full());
}

TEST_F(Paced, gives_everything_at_once_where_answers_are_slow) {
  stall();
  stall();
  EXPECT_TRUE(open());
}

TEST_F(Paced, is_tried_again_after_a_rest_that_grows) {
  Millis rest = Pace::kFirstRest;
  for (int i = 0; i < 9; ++i) {
    open_it();
    pass(rest - Pace::kYoung);
    EXPECT_TRUE(open());
    pass(Pace::kYoung);
    EXPECT_FALSE(open());
    rest = std::min(rest * 2, Pace::kLongestRest);
  }
}

TEST_F(Paced, forgives_a_stall_among_many_fast_answers) {
  answer(2000);
  for (int i = 0; i < 4; ++i) stall();
  EXPECT_FALSE(open());
}

TEST_F(Paced, rests_for_a_short_time_when_the_last_trial_was_long_ago) {
  open_it();
  pass(Pace::kFirstRest);
  EXPECT_FALSE(open());
  open_it();
  pass(2 * Pace::kFirstRest);
  one_after_the_other(3000);
  EXPECT_FALSE(open());
  open_it();
  pass(Pace::kFirstRest);
  EXPECT_FALSE(open());
}

TEST_F(Paced, is_tried_with_twice_as_many) {
  one_after_the_other(1000);
  EXPECT_FALSE(full());
  enter(Pace::kFew + 1);
  EXPECT_TRUE(full()) << "with those that are still on their way";
}

TEST_F(Paced, endpoints_that_nobody_asks_are_not_slow) {
  for (int i = 0; i < 100; ++i) {
    answer(1);
    pass(std::chrono::seconds(1));
  }
  EXPECT_FALSE(open());
}

using Micros = std::chrono::microseconds;

/// A server that works on `parallel` requests at once, and clients of which each sends its next
/// request when the last one is answered, through a Pace or not.
class Load {
 public:
  struct Server {
    std::size_t parallel;
    std::function<Micros(int request)> time;
  };
  Load(Server server, int clients, bool paced) : server_(std::move(server)), paced_(paced) {
    for (int i = 0; i < clients; ++i) send();
  }
  void run(Millis time) {
    const TimePoint end = now_ + time;
    for (TimePoint tick = now_ + Millis(10); now_ < end; tick += Millis(10)) {
      while (!working_.empty() && working_.top().done <= tick) {
        now_ = working_.top().done;
        answer();
      }
      now_ = tick;
      next();
    }
  }
  [[nodiscard]] int answers() const { return answers_; }
  /// On average, when an answer came.
  [[nodiscard]] double in_flight() const {
    return static_cast<double>(in_flight_sum_) / static_cast<double>(answers_);
  }

 private:
  struct Work {
    TimePoint done;
    Pace::Ticket ticket;
    bool operator<(const Work& other) const { return done > other.done; }
  };
  void send() {
    ++waiting_;
    next();
  }
  void next() {
    while (waiting_ > 0 && !(paced_ && pace_.full(waiting_ - 1, now_))) {
      --waiting_;
      there_.push_back(pace_.enter(now_));
    }
    while (!there_.empty() && working_.size() < server_.parallel) {
      working_.push({now_ + server_.time(requests_++), there_.front()});
      there_.pop_front();
    }
  }
  void answer() {
    in_flight_sum_ += there_.size() + working_.size();
    ++answers_;
    pace_.leave(working_.top().ticket, Pace::Left::answered, now_);
    working_.pop();
    send();
  }

  Server server_;
  bool paced_;
  Pace pace_;
  TimePoint now_{std::chrono::seconds(1000)};
  std::size_t waiting_ = 0;            ///< here
  std::deque<Pace::Ticket> there_;     ///< at the server, which does not look at them yet
  std::priority_queue<Work> working_;  ///< first done first
  int requests_ = 0;
  int answers_ = 0;
  std::size_t in_flight_sum_ = 0;
};

struct Compared {
  double answers;  ///< with a pace, of those without
  double in_flight;
};

Compared compare(const Load::Server& server, int clients, Millis time) {
  Load paced(server, clients, true);
  Load unpaced(server, clients, false);
  paced.run(time);
  unpaced.run(time);
  return {.answers = static_cast<double>(paced.answers()) / unpaced.answers(),
          .in_flight = paced.in_flight() / unpaced.in_flight()};
}

/// Long enough for some rests and trials.
constexpr Millis kTime{40'000};

TEST(PacedServer, that_does_one_after_the_other_has_few_and_loses_nothing) {
  for (const int clients : {20, 100, 270, 2000}) {
    const auto [answers, in_flight] =
        compare({1, [](int) { return Micros(40); }}, clients, Millis(1'000));
    EXPECT_GT(answers, 0.999) << clients;
    EXPECT_LT(in_flight, clients > 50 ? 0.35 : 1.01) << clients;
  }
}

TEST(PacedServer, that_does_a_few_at_once_loses_nothing) {
  for (const std::size_t parallel : {4U, 16U, 64U}) {
    const auto [answers, in_flight] =
        compare({parallel, [](int i) { return Micros(1500 + i % 7 * 100); }}, 300, kTime);
    EXPECT_GT(answers, 0.97) << parallel;
  }
}

TEST(PacedServer, that_does_all_at_once_gets_all) {
  for (const Micros time : {Micros(3000), Micros(9900), Micros(50'000)})
    for (const int clients : {15, 20, 150}) {
      const auto [answers, in_flight] =
          compare({100'000, [time](int) { return time; }}, clients, kTime);
      EXPECT_GT(answers, 0.95) << time.count() << " us, " << clients << " clients";
    }
}

TEST(PacedServer, with_fast_and_slow_answers_gets_them) {
  for (const int slow : {3, 10, 50}) {
    const auto [answers, in_flight] =
        compare({100'000, [slow](int i) { return i % slow == 0 ? Micros(200'000) : Micros(1000); }},
                100, kTime);
    EXPECT_GT(answers, 0.95) << "one in " << slow;
  }
}

}  // namespace
}  // namespace aralez
