#include "judge.h"

namespace aralez::sim {

using testing::Http1Message;
using testing::Http1Rest;
using testing::read_http1;

JudgeConnection::JudgeConnection(Dice& dice, Book& book, ConnectionPtr connection, Pace pace)
    : dice_(dice), book_(book), connection_(std::move(connection)), pace_(pace) {}

bool JudgeConnection::waits() const {
  if (stalled_) return true;
  return !connection_->readable() && to_send_.empty() && (leave_percent == 0 || !answered_);
}

void JudgeConnection::act() {
  if (done_ || dice_.percent(pace_.idle_percent)) return;
  read();
  if (done_ || stalled_) return;
  if (to_send_.empty()) {
    if (answered_ && in_.empty() && dice_.percent(leave_percent)) {
      connection_->shutdown();
      done_ = true;
    }
    return;
  }
  if (!send_some(*connection_, to_send_, dice_.up_to(pace_.write), cut_)) return;
  if (cut_.fault == Fault::reset) connection_->reset();
  if (cut_.fault == Fault::end) connection_->shutdown();
  stalled_ = cut_.fault == Fault::stall;
  done_ = !stalled_;
}

void JudgeConnection::read() {
  in_ += connection_->read(dice_.up_to(pace_.read));
  const Http1Message question = read_http1(in_, Http1Rest::none, false);
  if (question.state == Http1Message::State::bad) book_.complain("mangled question: " + in_);
  if (question.complete()) {
    answer(question);
    in_.erase(0, question.bytes);
  }
  if (connection_->sees_end() || connection_->sees_reset()) {
    connection_->shutdown();
    done_ = true;
  }
}

void JudgeConnection::answer(const Http1Message& question) {
  if (!to_send_.empty()) book_.complain("a question before the answer to the last: " + in_);
  Plan* const plan = book_.of_target(question.field("x-forwarded-uri").value_or(""));
  if (!plan) return book_.complain("a question about nothing: " + in_);
  const bool head = plan->method == "HEAD";
  const bool right =
      plan->guarded() && question.body.empty() &&
      question.start == (head ? "HEAD " : "GET ") + std::string(kTarget) + " HTTP/1.1" &&
      question.field("x-forwarded-method") == plan->method &&
      question.field("x-forwarded-host") == "a.test" && !question.field("remote-user") &&
      question.field("aralez-question").value_or("forged") != "forged";
  if (!right) book_.complain("a wrong question: " + in_);
  const std::string text = plan->verdict_text();
  const std::size_t head_size = text.find("\r\n\r\n") + 4;
  cut_ = plan->verdict_cut;
  if (!plan->denied() && (cut_.fault == Fault::none || cut_.at >= head_size)) plan->allowed = true;
  to_send_ = text;
  answered_ = true;
}

}  // namespace aralez::sim
