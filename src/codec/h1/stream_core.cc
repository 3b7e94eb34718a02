#include "codec/h1/stream_core.h"

#include <algorithm>

namespace aralez::h1 {

void StreamCore::start_body(BodyMode mode, std::uint64_t length) {
  rx_mode_ = mode;
  rx_left_ = length;
  rx_total_ = 0;
  if (mode == BodyMode::chunked) chunks_ = ChunkDecoder();
  const bool empty = mode == BodyMode::none || (mode == BodyMode::length && length == 0);
  rx_ = empty ? Rx::done : Rx::body;
}

void StreamCore::on_received() {
  step();
}

void StreamCore::step() {
  if (owed_ > 0 && events_) events_->on_sent(static_cast<std::size_t>(std::exchange(owed_, 0)));
  if (rx_ == Rx::head && !in_.empty()) read_head();
  if (rx_ == Rx::body) pump();
  if (rx_ == Rx::closed) in_.clear();
  update_receiving();
}

void StreamCore::update_receiving() {
  const bool want = rx_ == Rx::head || rx_ == Rx::closed || (rx_ == Rx::body && credit_ > 0);
  if (!want) return t_.stop_recv();
  if (rx_ == Rx::body) {
    if (start_splicing()) return;
    in_.expect_much(rx_mode_ == BodyMode::length &&
                    std::min<std::uint64_t>(rx_left_, credit_) >= kMuch);
  }
  t_.start_recv();
}

void StreamCore::grant(std::size_t n) {
  credit_ += n;
  // Bytes already here are delivered after the caller has returned (law 1).
  if (rx_ == Rx::body) step_later();
}

void StreamCore::pump() {
  if (credit_ == 0 || pipe_raw_) return;
  Chain out;
  if (rx_mode_ != BodyMode::chunked)
    read_plain(out);
  else if (!read_chunked(out))
    return;
  const std::uint64_t n = out.bytes();
  // Every grant comes by here, so the block goes back when what was in it has been passed on.
  if (n == 0) return in_.release_if_unused();
  body_progress();
  if (rx_mode_ == BodyMode::length && rx_left_ == 0) return finish_rx(std::move(out));
  if (events_) events_->on_body(std::move(out), End::no);
}

void StreamCore::read_plain(Chain& out) {
  std::uint64_t n = std::min<std::uint64_t>(in_.size(), credit_);
  if (rx_mode_ == BodyMode::length) n = std::min(n, rx_left_);
  if (n == 0) return;
  out.push_back(Piece(in_.take(static_cast<std::size_t>(n))));
  credit_ -= static_cast<std::size_t>(n);
  rx_total_ += n;
  if (rx_mode_ == BodyMode::length) rx_left_ -= n;
}

/// False when the message ended or broke, and everything has been said.
bool StreamCore::read_chunked(Chain& out) {
  while (true) {
    const auto r = chunks_.next(in_.text());
    switch (r.step) {
      case ChunkDecoder::Step::framing: in_.consume(r.bytes); break;
      case ChunkDecoder::Step::data: {
        const auto n = std::min(r.bytes, credit_);
        if (n == 0) return true;
        out.push_back(Piece(in_.take(n)));
        chunks_.take(n);
        credit_ -= n;
        rx_total_ += n;
        break;
      }
      case ChunkDecoder::Step::trailers: return read_trailers(std::move(out));
      case ChunkDecoder::Step::more: return true;
      case ChunkDecoder::Step::bad: bad_body(r.why); return false;
    }
  }
}

bool StreamCore::read_trailers(Chain&& body) {
  constexpr HeadLimits kLimits{Limits::kMaxTrailerBytes, 64, 0};
  Fields trailers;
  const auto r = parse_trailers(in_.text(), kLimits, scratch_.fields, trailers);
  if (r.outcome == Parse::bad) {
    bad_body(r.error.why);
    return false;
  }
  if (r.outcome == Parse::more) {
    if (!body.empty() && events_) events_->on_body(std::move(body), End::no);
    return false;
  }
  const BlockRef pin = in_.pin();
  in_.consume(r.bytes);
  if (trailers.empty()) {
    finish_rx(std::move(body));
    return false;
  }
  rx_ = Rx::done;
  in_.release_if_empty();
  if (!body.empty() && events_) events_->on_body(std::move(body), End::no);
  if (events_) events_->on_trailers(std::move(trailers));
  received_message();
  return false;
}

void StreamCore::finish_rx(Chain&& last) {
  rx_ = Rx::done;
  drop_pipe();
  in_.expect_much(false);
  in_.release_if_empty();
  if (events_) events_->on_body(std::move(last), End::yes);
  received_message();
}

bool StreamCore::start_splicing() {
  if (!pipe_raw_) {
    if (!pipes_allowed_ || tunnel_ || rx_mode_ != BodyMode::length || !in_.empty()) return false;
    if (rx_left_ < kSpliceFrom || !t_.splices() || !events_) return false;
    pipe_raw_ = t_.loop().pipes().take();
    if (!pipe_raw_) return false;
    pipe_ = KernelRef(pipe_raw_);
    in_.release_if_empty();
  }
  t_.splice_into(pipe_raw_, static_cast<std::size_t>(std::min<std::uint64_t>(rx_left_, credit_)));
  t_.start_recv();
  return true;
}

void StreamCore::on_spliced(std::size_t n) {
  if (n == 0) return;  // the pipe is full; the next grant goes on
  credit_ -= n;
  rx_left_ -= n;
  rx_total_ += n;
  Chain out;
  out.push_back(Piece::pipe(pipe_, n));
  body_progress();
  if (rx_left_ == 0) {
    finish_rx(std::move(out));
    update_receiving();
  } else if (events_) {
    events_->on_body(std::move(out), End::no);
  }
}

void StreamCore::drop_pipe() {
  if (!pipe_raw_) return;
  t_.splice_into(nullptr, 0);
  pipe_raw_ = nullptr;
  pipe_ = KernelRef();
}

bool StreamCore::takes_pipes() const {
  return t_.splices() && tx_ == Tx::body && writer_.mode() == BodyMode::length;
}

void StreamCore::send_body(Chain&& body, End end) {
  if (tx_ != Tx::body) {
    owed_ += body.bytes();
    body.clear();
    if (owed_ > 0) step_later();
    return;
  }
  const std::uint64_t dropped = writer_.send(t_, std::move(body), end);
  if (dropped > 0) {
    owed_ += dropped;
    step_later();
  }
  if (end == End::no) return;
  tx_ = Tx::done;
  if (tunnel_) t_.shutdown_write();
  sent_message();
}

void StreamCore::send_trailers(const Fields& trailers) {
  if (tx_ != Tx::body) return;
  writer_.send_trailers(t_, trailers);
  tx_ = Tx::done;
  sent_message();
}

void StreamCore::on_sent(std::uint64_t credit, bool drained) {
  if (credit > 0 && events_) events_->on_sent(static_cast<std::size_t>(credit));
  if (drained)
    output_drained();
  else
    body_progress();
}

}  // namespace aralez::h1
