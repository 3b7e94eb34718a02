#pragma once

#include "peers.h"

namespace aralez::sim {

/// An authorization server's end of one connection. Checks what it is asked and says what the plan
/// has for it.
class JudgeConnection {
 public:
  static constexpr std::string_view kTarget = "/verify?k=v";

  JudgeConnection(Dice& dice, Book& book, ConnectionPtr connection, Pace pace);

  void act();
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool waits() const;

  /// How often an idle connection is ended without a word.
  unsigned leave_percent = 0;

 private:
  void read();
  void answer(const testing::Http1Message& question);

  Dice& dice_;
  Book& book_;
  ConnectionPtr connection_;
  Pace pace_;
  std::string in_;
  std::string to_send_;
  Cut cut_;
  bool answered_ = false;
  bool stalled_ = false;
  bool done_ = false;
};

}  // namespace aralez::sim
