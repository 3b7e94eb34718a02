#include "codec/h2/session.h"

#include <algorithm>

namespace aralez::h2 {

Session::Session(Transport& transport, Shared& shared, const BlockLimits& limits, Life life)
    : t_(transport),
      shared_(shared),
      limits_(limits),
      decoder_(shared.hpack),
      life_(life),
      glitches_(Limits::kH2Glitches, Limits::kH2GlitchesPerSecond, transport.loop().now()),
      resets_(Limits::kH2Resets, Limits::kH2ResetsPerSecond, transport.loop().now()) {}

Session::~Session() {
  table_.empty([this](MuxStream& s) { close_stream(s); });
}

MuxStream& Session::open_stream(std::uint32_t id, MuxStream::Phase phase) {
  assert(!find(id));
  MuxStream& s = shared_.streams.take();
  s.session = this;
  s.id = id;
  s.enter(phase);
  s.send_window = peer_.initial_window;
  s.recv_window = kDefaultWindow;
  table_.add(s);
  return s;
}

void Session::close_stream(MuxStream& s) {
  if (!s.listed()) return;
  s.enter(MuxStream::Phase::gone);
  s.events = nullptr;
  table_.remove(s);
  s.ready.unlink();
  s.todo.unlink();
  header_bytes_ -= s.header_bytes;
  room_given_ -= s.room;
  if (how_ended(s.id) == Ended::unknown) remember(s.id, Ended::complete);
  if (life_ == Life::open) settle(s.unsettled);
  shared_.streams.give_back(s);
  on_stream_closed();
}

bool Session::charge(double cost) {
  if (!running()) return false;
  if (cost <= 0 || glitches_.spend(cost, t_.loop().now())) return true;
  connection_error(ErrorCode::enhance_your_calm, "too many frames without use", Reason::h2_flood);
  return false;
}

bool Session::charge_reset() {
  if (!running()) return false;
  if (opens_streams()) return true;
  if (resets_.spend(1, t_.loop().now())) return true;
  connection_error(ErrorCode::enhance_your_calm, "too many streams reset", Reason::h2_resets);
  return false;
}

// Ends.

void Session::reset(MuxStream& s, ResetCode code) {
  s.events = nullptr;
  if (life_ == Life::open) {
    if (s.phase == MuxStream::Phase::open) write_rst_stream(t_, s.id, error_code_of(code));
    remember(s.id, Ended::reset_by_us);
  }
  close_stream(s);
}

void Session::detach(MuxStream& s) {
  const bool received = s.rx == MuxStream::Rx::done || s.rx == MuxStream::Rx::ended;
  if (s.tx == MuxStream::Tx::done) return finished_sending(s);
  if (s.tx != MuxStream::Tx::ending || !lingers(received)) return reset(s, ResetCode::cancel);
  // What is left to send goes on without an owner; what comes in is dropped.
  settle(s, s.unsettled);
  s.held.clear();
  s.held_bytes = 0;
  s.small.reset();
}

void Session::fail_stream(MuxStream& s, ResetCode code) {
  StreamEvents* const told = std::exchange(s.events, nullptr);
  close_stream(s);
  if (told) told->on_reset(code);
}

void Session::stream_error(std::uint32_t id, ErrorCode code, const HeadError& why) {
  if (!running()) return;
  write_rst_stream(t_, id, code);
  remember(id, Ended::reset_by_us);
  on_fault(why);
  if (MuxStream* const s = find(id)) fail_stream(*s, ResetCode::protocol);
  charge_reset();
}

void Session::connection_error(ErrorCode code, std::string_view why, Reason reason) {
  if (life_ == Life::closing || life_ == Life::closed) return;
  write_goaway(t_, last_peer_stream(), code, why);
  life_ = Life::closing;
  paused_ = false;
  t_.start_recv();
  on_fault({0, why, reason});
  fail_all(ResetCode::protocol);
}

void Session::fail_all(ResetCode code) {
  // Each told owner may end others, so the table is looked at anew each time.
  table_.empty([&](MuxStream& s) { fail_stream(s, code); });
}

void Session::close_now(Transport::CloseMode mode, Error why) {
  if (life_ == Life::closed) return;
  life_ = Life::closed;
  t_.close(mode);
  in_.clear();
  run_todo_.cancel();
  fail_all(why.code == Errc::timeout ? ResetCode::timeout : ResetCode::closed);
  on_session_closed(why);
}

void Session::fail_later(MuxStream& s, ErrorCode code) {
  if (s.phase == MuxStream::Phase::failing) return;
  s.enter(MuxStream::Phase::failing);
  s.tx = MuxStream::Tx::done;
  s.pending.clear();
  s.pending_bytes = 0;
  if (running()) write_rst_stream(t_, s.id, code);
  remember(s.id, Ended::reset_by_us);
  tell_later(s);
}

void Session::finish_output() {
  if (life_ != Life::open && life_ != Life::preface) return;
  life_ = Life::closing;
  if (t_.output_bytes() == 0) on_said_goodbye();
}

void Session::take_over(ReadBuffer& first) {
  std::swap(in_, first);
  if (!in_.empty()) t_.loop().defer(run_todo_);
}

void Session::break_later() {
  breaking_ = true;
  t_.loop().defer(run_todo_);
}

// What owners are told later.

void Session::tell_later(MuxStream& s) {
  if (!s.todo.linked()) todo_.push_back(s.todo);
  t_.loop().defer(run_todo_);
}

void Session::run_todo() {
  if (breaking_)
    return close_now(Transport::CloseMode::abort,
                     {Errc::limit, Origin::internal, "header compression failed"});
  while (!todo_.empty()) {
    MuxStream& s = todo_.pop_front().stream;
    if (s.phase == MuxStream::Phase::failing) {
      fail_stream(s, ResetCode::protocol);
      continue;
    }
    if (s.owed > 0 && s.events)
      s.events->on_sent(static_cast<std::size_t>(std::exchange(s.owed, 0)));
    if (s.listed()) deliver(s);
    if (life_ == Life::closed) return;
  }
  if (!paused_ && !in_.empty()) read_input();
}

}  // namespace aralez::h2
