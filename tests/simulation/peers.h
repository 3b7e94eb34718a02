#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan.h"
#include "support/http1_text.h"

namespace aralez::sim {

/// How a peer moves its bytes.
struct Pace {
  std::size_t write = 4096;  ///< at most, each time
  std::size_t read = 4096;
  unsigned idle_percent = 20;  ///< how often it does nothing
};

/// Sends up to `max` bytes of `text`, less when the cut is within them. True when the cut is
/// reached.
bool send_some(Connection& to, std::string& text, std::size_t max, Cut& cut);

/// All requests of a run, by id. Peers report what must not be to `complain`.
struct Book {
  std::map<int, Plan> plans;
  std::function<void(const std::string&)> complain;
  Plan* of_target(std::string_view target);
};

/// A client with one connection. Judges each answer: whole and right, an answer of the proxy's own,
/// or visibly broken.
class Client {
 public:
  Client(Dice& dice, Book& book, ConnectionPtr connection, std::vector<int> script, Pace pace);

  void act(TimePoint now);
  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// Nothing to do until bytes arrive, or `patience` is over.
  [[nodiscard]] bool waits() const;
  /// At most `most`: a body held back for a 100 goes out by itself in the end.
  [[nodiscard]] Millis patience(TimePoint now, Millis most) const;

  Cut cut;                  ///< counted over all it sends
  std::size_t depth = 1;    ///< requests under way at once
  bool half_close = false;  ///< ends its half when all is sent

 private:
  enum class State : std::uint8_t { running, cut, done };

  void write(TimePoint now);
  void next_request(TimePoint now);
  void read();
  void judge(bool ended);
  void judge_tunnel(Plan& plan, bool ended);
  /// An answer of the authorization server's.
  void judge_verdict(const Plan& plan, const testing::Http1Message& m);
  void judge_cookie(const Plan& plan, const testing::Http1Message& m);
  bool take_answer(Plan& plan, bool ended);
  void finish();
  [[nodiscard]] Plan& plan(std::size_t i) { return book_.plans.at(script_[i]); }

  Dice& dice_;
  Book& book_;
  ConnectionPtr connection_;
  std::vector<int> script_;
  Pace pace_;
  std::string to_send_;
  std::string held_body_;  ///< until the 100 comes, or a second has passed
  TimePoint held_until_{};
  std::string in_;
  std::size_t looked_at_ = 0;  ///< of in_
  std::size_t begun_ = 0;
  std::size_t answered_ = 0;
  std::size_t sent_ = 0;
  State state_ = State::running;
  bool half_closed_ = false;
};

/// An origin's end of one connection. Checks every byte it gets.
class OriginConnection {
 public:
  OriginConnection(Dice& dice, Book& book, ConnectionPtr connection, Pace pace);

  void act();
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool waits() const;

  /// How often an idle connection is ended without a word.
  unsigned leave_percent = 0;

 private:
  void read();
  void answer(Plan& plan);
  void check(const std::string& text, Plan*& plan);
  void tunnel();

  Dice& dice_;
  Book& book_;
  ConnectionPtr connection_;
  Pace pace_;
  std::string in_;
  std::size_t looked_at_ = 0;  ///< of in_
  std::string to_send_;
  Cut cut_;
  Plan* current_ = nullptr;  ///< its head has been seen
  std::size_t answers_ = 0;
  bool answering_ = false;
  bool tunnel_ = false;
  bool end_after_ = false;
  bool stalled_ = false;
  bool done_ = false;
};

}  // namespace aralez::sim
