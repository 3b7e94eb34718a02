#include "peers.h"

#include <algorithm>
#include <utility>

namespace aralez::sim {

using testing::Http1Message;
using testing::Http1Rest;
using testing::read_http1;

namespace {

constexpr Millis kExpectWait{1000};

/// A long message is not read again for every few bytes that it grows by.
bool worth_a_look(const Connection& from, const std::string& in, std::size_t& looked_at) {
  const bool more = from.readable() && !from.sees_end() && !from.sees_reset();
  if (more && in.size() > looked_at && in.size() - looked_at < in.size() / 8) return false;
  looked_at = in.size();
  return true;
}

/// The peer has so much to take that more would only pile up.
constexpr std::size_t kEnough = 100'000;

}  // namespace

bool send_some(Connection& to, std::string& text, std::size_t max, Cut& cut) {
  std::size_t n = std::min(text.size(), max);
  const bool reached = cut.fault != Fault::none && cut.at <= n;
  if (reached) n = cut.at;
  to.send(std::string_view(text).substr(0, n));
  text.erase(0, n);
  cut.at -= std::min(cut.at, n);
  return reached;
}

Plan* Book::of_target(std::string_view target) {
  const std::size_t r = target.find("/r");
  if (r == std::string_view::npos) return nullptr;
  const auto it = plans.find(std::atoi(std::string(target.substr(r + 2)).c_str()));
  return it == plans.end() || it->second.target() != target ? nullptr : &it->second;
}

Client::Client(Dice& dice, Book& book, ConnectionPtr connection, std::vector<int> script, Pace pace)
    : dice_(dice),
      book_(book),
      connection_(std::move(connection)),
      script_(std::move(script)),
      pace_(pace) {}

bool Client::waits() const {
  if (connection_->readable()) return false;
  if (state_ == State::cut || connection_->unsent() > kEnough) return true;
  return to_send_.empty() && begun_ > answered_;
}

Millis Client::patience(TimePoint now, Millis most) const {
  if (state_ != State::running || held_body_.empty()) return most;
  return std::clamp(std::chrono::ceil<Millis>(held_until_ - now), Millis{0}, most);
}

void Client::act(TimePoint now) {
  if (done() || dice_.percent(pace_.idle_percent)) return;
  if (state_ == State::running) write(now);
  read();
}

void Client::next_request(TimePoint now) {
  const Plan& p = plan(begun_++);
  to_send_ += p.request_head();
  if (!p.expect) {
    to_send_ += p.request_rest();
    return;
  }
  held_body_ = p.request_rest();
  held_until_ = now + kExpectWait;
}

void Client::write(TimePoint now) {
  if (!held_body_.empty() && (now >= held_until_ || in_.find("100 Continue") != in_.npos))
    to_send_ += std::exchange(held_body_, {});
  if (held_body_.empty() && begun_ < script_.size() && begun_ - answered_ < depth &&
      (begun_ == answered_ || !(plan(begun_ - 1).upgrade || plan(begun_ - 1).close)))
    next_request(now);
  if (connection_->unsent() > kEnough) return;
  if (send_some(*connection_, to_send_, dice_.up_to(pace_.write), cut)) {
    state_ = State::cut;
    if (cut.fault == Fault::reset) {
      connection_->reset();
      return finish();
    }
    if (cut.fault == Fault::end) connection_->shutdown();
  }
  if (half_close && !half_closed_ && begun_ == script_.size() && to_send_.empty() &&
      held_body_.empty() && !plan(begun_ - 1).upgrade) {
    half_closed_ = true;
    connection_->shutdown();
  }
}

void Client::read() {
  if (done()) return;
  const std::string got = connection_->read(dice_.up_to(pace_.read));
  in_ += got;
  const bool ended = connection_->sees_end();
  const bool broken = connection_->sees_reset();
  if ((!got.empty() || ended) && worth_a_look(*connection_, in_, looked_at_)) judge(ended);
  if (ended || broken) finish();
}

void Client::judge(bool ended) {
  while (!done() && answered_ < begun_) {
    Plan& p = plan(answered_);
    if (p.upgrade && in_.find(" 101 ") != std::string::npos) return judge_tunnel(p, ended);
    if (!take_answer(p, ended)) return;
    if (++answered_ == script_.size()) {
      connection_->shutdown();
      return finish();
    }
  }
  if (answered_ == begun_ && !in_.empty()) book_.complain("bytes that nobody asked for: " + in_);
}

/// False when the answer is not whole yet.
bool Client::take_answer(Plan& p, bool ended) {
  const auto rest = p.method == "HEAD" ? Http1Rest::no_body_at_all : Http1Rest::until_end;
  const Http1Message m = read_http1(in_, rest, ended);
  const std::string name = "request " + std::to_string(p.id) + ": ";
  if (m.state == Http1Message::State::head) return false;
  if (m.state == Http1Message::State::bad) book_.complain(name + "malformed answer: " + in_);
  const bool ours = m.field("x-id").has_value();
  if (ours && m.field("x-id") != std::to_string(p.id))
    book_.complain(name + "the answer of another: " + m.fields);
  if (m.status() >= 100 && m.status() < 200) {
    in_.erase(0, m.bytes);
    return take_answer(p, ended);
  }
  judge_cookie(p, m);
  if (m.field("x-judge")) {
    judge_verdict(p, m);
  } else if (ours) {
    const std::string_view body = p.has_answer_body() ? p.answer_body() : std::string_view();
    if (m.status() != p.status) book_.complain(name + "status " + m.start);
    if (m.complete() ? m.body != body : !body.starts_with(m.body))
      book_.complain(name + (m.complete() ? "complete, but not" : "wrong body,") +
                     " the answer: " + std::to_string(m.body.size()) + " of " +
                     std::to_string(body.size()) + " " + m.start + "\n" + m.fields);
  } else if (m.status() < 400) {
    book_.complain(name + "no answer of its origin: " + m.start);
  }
  if (!m.complete()) return false;
  p.outcome = ours ? Outcome::whole : Outcome::local_answer;
  in_.erase(0, m.bytes);
  return true;
}

void Client::judge_verdict(const Plan& p, const Http1Message& m) {
  const std::string body = p.method == "HEAD" ? "" : p.verdict_body();
  // A body that broke off is left out.
  const bool right = !m.complete() || m.body.empty() || m.body == body;
  if (!p.denied() || m.field("x-judge") != std::to_string(p.id) || m.status() != p.verdict ||
      !body.starts_with(m.body) || !right)
    book_.complain("request " + std::to_string(p.id) + ": wrong verdict: " + m.start + "\n" +
                   m.fields + m.body);
}

/// With every answer behind a yes, whoever makes it, and with no other.
void Client::judge_cookie(const Plan& p, const Http1Message& m) {
  const auto cookie = m.field("set-cookie");
  const bool behind_a_yes = p.guarded() && m.field("x-id").has_value();
  if (cookie ? !p.allowed || cookie != p.cookie() : behind_a_yes)
    book_.complain("request " + std::to_string(p.id) + ": wrong cookie: " + m.fields);
}

/// What was sent into a tunnel comes back, then the origin's last words and its end.
void Client::judge_tunnel(Plan& p, bool ended) {
  const Http1Message m = read_http1(in_, Http1Rest::until_end, ended);
  if (m.status() == 103) {
    in_.erase(0, m.bytes);
    return judge_tunnel(p, ended);
  }
  if (m.state == Http1Message::State::head) return;
  judge_cookie(p, m);
  const std::string& words = p.answer_body();
  if (!half_closed_) {
    half_closed_ = true;
    if (state_ == State::running) {
      connection_->send(words);
      connection_->shutdown();
    }
  }
  const std::string back = in_.substr(m.bytes);
  const std::string expected = words + std::string(kTunnelEnd);
  if (!expected.starts_with(back))
    book_.complain("tunnel " + std::to_string(p.id) + ": wrong bytes: " + back);
  if (ended && back == expected) {
    p.outcome = Outcome::whole;
    ++answered_;
  }
}

void Client::finish() {
  for (std::size_t i = answered_; i < begun_; ++i) plan(i).outcome = Outcome::broken;
  if (!connection_->sees_reset()) connection_->shutdown();
  state_ = State::done;
}

OriginConnection::OriginConnection(Dice& dice, Book& book, ConnectionPtr connection, Pace pace)
    : dice_(dice), book_(book), connection_(std::move(connection)), pace_(pace) {}

bool OriginConnection::waits() const {
  if (stalled_) return true;
  if (connection_->readable()) return false;
  if (!to_send_.empty()) return connection_->unsent() > kEnough;
  return leave_percent == 0 || answers_ == 0 || !in_.empty();
}

void OriginConnection::act() {
  if (done_ || dice_.percent(pace_.idle_percent)) return;
  read();
  if (done_ || stalled_) return;
  if (to_send_.empty()) {
    if (answers_ > 0 && in_.empty() && !current_ && dice_.percent(leave_percent)) {
      connection_->shutdown();
      done_ = true;
    }
    return;
  }
  if (connection_->unsent() > kEnough) return;
  const bool cut = send_some(*connection_, to_send_, dice_.up_to(pace_.write), cut_);
  if (cut && cut_.fault == Fault::stall) stalled_ = true;
  if (cut && cut_.fault == Fault::reset) connection_->reset();
  if ((cut && cut_.fault == Fault::end) || (to_send_.empty() && end_after_))
    connection_->shutdown();
  done_ = done_ || (cut && !stalled_) || (to_send_.empty() && end_after_);
}

void OriginConnection::read() {
  const std::string got = connection_->read(dice_.up_to(pace_.read));
  in_ += got;
  if (tunnel_) return tunnel();
  if (got.empty() && !connection_->readable()) return;
  if (!worth_a_look(*connection_, in_, looked_at_)) return;
  Plan* plan = current_;
  check(in_, plan);
  if (plan && !current_) {
    current_ = plan;
    if (plan->guarded() && !plan->allowed)
      book_.complain("request " + std::to_string(plan->id) + " has passed without a yes");
    if (++plan->seen_by_origins > 1 && !plan->idempotent())
      book_.complain("request " + std::to_string(plan->id) + " was sent twice: " + plan->method);
  }
  if (current_ && !answering_ && current_->early) answer(*current_);
  const Http1Message m = read_http1(in_, Http1Rest::none, false);
  if (m.complete() && current_) {
    if (!answering_) answer(*current_);
    in_.erase(0, m.bytes);
    current_ = nullptr;
    answering_ = false;
  }
  if (connection_->sees_end() || connection_->sees_reset()) {
    connection_->shutdown();
    done_ = true;
  }
}

/// What has come so far is the beginning of a request of the book.
void OriginConnection::check(const std::string& text, Plan*& plan) {
  if (text.empty()) return;
  const Http1Message m = read_http1(text, Http1Rest::none, false);
  if (m.state == Http1Message::State::head) return;
  const std::string target =
      m.start.substr(m.start.find(' ') + 1,
                     m.start.rfind(' ') - std::min(m.start.rfind(' '), m.start.find(' ') + 1));
  plan = book_.of_target(target);
  if (!plan || m.state == Http1Message::State::bad) return book_.complain("mangled: " + text);
  const std::string& body = plan->request_body();
  const auto user = plan->guarded() ? std::optional(plan->user()) : std::nullopt;
  const bool same = m.field("remote-user") == user && !m.field("aralez-question") &&
                    m.start == plan->method + " " + target + " HTTP/1.1" &&
                    m.field("x-id") == std::to_string(plan->id) && m.field("host") == "a.test" &&
                    (m.complete() ? m.body == body : body.starts_with(m.body));
  if (!same) book_.complain("request " + std::to_string(plan->id) + " is mangled: " + text);
}

void OriginConnection::answer(Plan& p) {
  answering_ = true;
  ++answers_;
  to_send_ += p.answer_text();
  cut_ = p.cut;
  tunnel_ = p.upgrade;
  end_after_ = p.origin_closes || (p.answer == Framing::until_end && p.has_answer_body());
  if (p.upgrade) {
    end_after_ = false;
    in_.erase(0, read_http1(in_, Http1Rest::none, false).bytes);
  }
}

void OriginConnection::tunnel() {
  to_send_ += std::exchange(in_, {});
  if (connection_->sees_end() && !end_after_) {
    to_send_ += kTunnelEnd;
    end_after_ = true;
  }
  if (connection_->sees_reset()) done_ = true;
}

}  // namespace aralez::sim
