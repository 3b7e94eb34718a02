#include "tls/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "tls/tls_bio.h"

namespace aralez {
namespace {

/// For who speaks HTTP where TLS is spoken: no alert would tell a person anything.
constexpr std::string_view kWrongPort =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 42\r\n"
    "Connection: close\r\n\r\nThis port speaks TLS: begin with https://\n";

}  // namespace

void CertificateFree::operator()(x509_st* certificate) const noexcept {
  X509_free(certificate);
}

void SslFree::operator()(ssl_st* ssl) const noexcept {
  SSL_free(ssl);
}

TlsTransport::TlsTransport(Transport& lower, TransportEvents& events, SslPtr ssl,
                           Millis handshake_timeout)
    : lower_(lower),
      events_(&events),
      ssl_(std::move(ssl)),
      peer_(SSL_is_server(ssl_.get()) == 1 ? Origin::downstream : Origin::upstream),
      handshake_timeout_(handshake_timeout) {
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_options(ssl_.get(), SSL_OP_NO_RENEGOTIATION);
  // Without memory for it, the first step of the handshake fails.
  BIO* bio = TlsBio::make(*this).release();
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsTransport::~TlsTransport() = default;

bool TlsTransport::covers(std::string_view host) const {
  const std::string_view asked = server_name();
  if (asked.empty() || iequals(asked, host)) return true;
  X509* shown = facts_.own.get();
  const std::string text(host);
  return shown && (X509_check_host(shown, text.data(), text.size(),
                                   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1 ||
                   X509_check_ip_asc(shown, text.c_str(), 0) == 1);
}

// The handshake.

void TlsTransport::start() {
  if (state_ != State::idle) return;
  state_ = State::handshaking;
  if (handshake_timeout_ > Millis{0})
    timer_.arm(loop().timers(), loop().now() + handshake_timeout_);
  lower_.start_recv();
  if (peer_ == Origin::upstream) handshake();
}

void TlsTransport::handshake() {
  flight_ = {};
  ERR_clear_error();
  const int r = SSL_do_handshake(ssl_.get());
  if (r == 1) return handshake_done();
  cipher_in_.release_if_empty();
  if (SSL_get_error(ssl_.get(), r) != SSL_ERROR_WANT_READ) fail_tls();
}

void TlsTransport::handshake_done() {
  state_ = State::open;
  timer_.cancel();
  cipher_in_.release_if_empty();
  note_facts();
  part_with_openssl();
  if (!records_)
    send_ticket();
  else if (!ticket_.empty())
    timer_.arm(loop().timers(), loop().now() + kTicketTime);
  events_->on_connected();
  if (state_ != State::open) return;
  if (plain_bytes_ > 0 || fin_ == Fin::queued) flush_later();
  if (receiving_)
    receive();
  else
    lower_.stop_recv();
}

void TlsTransport::on_timer(TimePoint) {
  if (state_ == State::open) return send_ticket();
  if (state_ == State::handshaking)
    failure_ = {Errc::timeout, peer_, "TLS handshake took too long"};
  broken_now();
}

// Input.

void TlsTransport::start_recv() {
  if (receiving_) return;
  receiving_ = true;
  if (state_ != State::open) return;
  lower_.start_recv();
  if (input_left() || rx_ == Rx::ending || lower_ended_) loop().defer(receive_);
}

void TlsTransport::stop_recv() {
  receiving_ = false;
  if (state_ == State::open) lower_.stop_recv();
}

void TlsTransport::splice_into([[maybe_unused]] SplicePipe* pipe, std::size_t) {
  assert(!pipe && "does not splice");
}

bool TlsTransport::input_left() const {
  if (records_) return RecordLayer::look(cipher_in_.text()).kind != RecordLayer::Found::Kind::part;
  return !cipher_in_.empty() || SSL_pending(ssl_.get()) > 0;
}

bool TlsTransport::input_waiting() {
  return state_ == State::open && (!cipher_in_.empty() || input_left() || rx_ == Rx::ending ||
                                   lower_ended_ || lower_.input_waiting());
}

void TlsTransport::on_received() {
  if (state_ == State::handshaking)
    handshake();
  else
    receive();
}

void TlsTransport::on_recv_end() {
  lower_ended_ = true;
  if (state_ == State::handshaking)
    handshake();
  else
    receive();
}

void TlsTransport::receive() {
  while (state_ == State::open && receiving_ && rx_ == Rx::open && input_left()) take_records();
  if (state_ != State::open || rx_ == Rx::ended) {
    cipher_in_.clear();  // RFC 8446 section 6.1: what follows a close_notify is ignored
    return;
  }
  cipher_in_.release_if_empty();
  if (receiving_ && (rx_ == Rx::ending || (lower_ended_ && !input_left()))) end_of_input();
}

/// Decrypts what fits into the buffer above and tells of it.
void TlsTransport::take_records() {
  if (records_) return open_records();
  ReadBuffer& in = events_->recv_buffer();
  const std::size_t before = in.size();
  int code = SSL_ERROR_NONE;
  std::size_t room_left = 0;
  do {
    const auto room = in.space(loop().blocks());
    std::size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), room.data(), room.size(), &n) != 1)
      code = SSL_get_error(ssl_.get(), 0);
    in.commit(n);
    room_left = room.size() - n;
  } while (code == SSL_ERROR_NONE && room_left >= kRoomForMore && input_left());
  const bool fresh = in.size() > before;
  if (code == SSL_ERROR_ZERO_RETURN) rx_ = Rx::ending;
  if (fresh)
    events_->on_received();
  else
    in.release_if_unused();
  const bool well = code == SSL_ERROR_NONE || code == SSL_ERROR_WANT_READ || rx_ == Rx::ending;
  if (state_ == State::open && !well) fail_tls();
}

void TlsTransport::end_of_input() {
  const bool cut_off = rx_ == Rx::open;
  const bool in_record = records_ ? !cipher_in_.empty() : SSL_has_pending(ssl_.get()) == 1;
  rx_ = Rx::ended;
  receiving_ = false;
  cipher_in_.clear();
  if (cut_off && (in_record || peer_ == Origin::upstream))
    return fail({Errc::reset, peer_, "TLS connection was cut off"});
  events_->on_recv_end();
}

// Output.

void TlsTransport::queue(Piece piece) {
  if (piece.size() == 0 || state_ == State::closed) return;
  const bool small = piece.kind() == Piece::Kind::memory && piece.size() < kCopyBelow;
  if (small && tail_begin_ != tail_end_ && tail_->capacity - tail_end_ >= piece.size()) {
    tail_credit_ += piece.credit();
    queue_copy(piece.slice().text());
    return;
  }
  seal_tail();
  plain_bytes_ += piece.size();
  out_.push_back(std::move(piece));
  drain_owed_ = true;
  flush_later();
}

std::span<std::byte> TlsTransport::output_space(std::size_t n) {
  if (!tail_ || tail_->capacity - tail_end_ < n) {
    seal_tail();
    tail_ = loop().blocks().take_sized(n);
    tail_begin_ = tail_end_ = 0;
  }
  return tail_.bytes().subspan(tail_end_);
}

void TlsTransport::commit_output(std::size_t n) {
  tail_end_ += static_cast<std::uint32_t>(n);
  plain_bytes_ += n;
  drain_owed_ = true;
  flush_later();
}

void TlsTransport::seal_tail() {
  if (tail_begin_ == tail_end_) return;
  const auto bytes = tail_.bytes().subspan(tail_begin_, tail_end_ - tail_begin_);
  out_.push_back(Piece(Slice(tail_, bytes)).with_credit(std::exchange(tail_credit_, 0)));
  tail_begin_ = tail_end_;
}

std::uint64_t TlsTransport::output_bytes() const {
  return plain_bytes_ + (state_ == State::open ? lower_.output_bytes() : 0);
}

void TlsTransport::flush_later() {
  if (at_turn_end_)
    loop().defer_answers(flush_, plain_bytes_);
  else
    loop().defer(flush_);
}

void TlsTransport::flush() {
  if (state_ == State::open) encrypt();
}

bool TlsTransport::encrypt() {
  BlockRef scratch;
  if (plain_bytes_ > 0) send_ticket();
  while (plain_bytes_ > 0 && lower_.output_bytes() < kAhead) {
    const std::size_t n = records_ ? seal_record(scratch) : write_record(scratch);
    if (n == 0) return false;
    settle(n);
  }
  if (plain_bytes_ > 0) return true;
  tail_.reset();
  tail_begin_ = tail_end_ = 0;
  if (fin_ == Fin::goodbye) {
    fin_ = Fin::said;
    say_goodbye();
  } else if (fin_ == Fin::queued) {
    fin_ = Fin::sent;
    say_goodbye();
    lower_.shutdown_write();
  }
  return true;
}

std::size_t TlsTransport::write_record(BlockRef& scratch) {
  const auto record = next_record(scratch);
  if (record.empty()) {
    fail(kFileCut);
    return 0;
  }
  std::size_t n = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), record.data(), record.size(), &n) == 1) return n;
  fail_tls();
  return 0;
}

/// The bytes of the next record, in place where they lie in one piece.
std::span<const std::byte> TlsTransport::next_record(BlockRef& scratch) {
  if (out_.empty()) {
    const std::size_t n = std::min<std::size_t>(tail_end_ - tail_begin_, kMaxRecord);
    return tail_.bytes().subspan(tail_begin_, n);
  }
  seal_tail();
  const Piece& first = out_.front();
  if (first.kind() != Piece::Kind::memory || (first.size() < kMaxRecord && out_.count() > 1))
    return gather(scratch);
  const auto bytes = first.slice().bytes();
  return bytes.first(std::min(bytes.size(), kMaxRecord));
}

/// Copies the front of the queue together. Copying 16 KiB costs a tenth of encrypting them, a
/// record of its own for each small piece costs the client more.
std::span<const std::byte> TlsTransport::gather(BlockRef& scratch) {
  if (!scratch) scratch = loop().blocks().take();
  const auto to = scratch.bytes().first(kMaxRecord);
  std::size_t at = 0;
  for (std::size_t k = 0; k < out_.count() && at < to.size(); ++k) {
    const Piece& p = out_[k];
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(p.size(), to.size() - at));
    if (p.kind() == Piece::Kind::memory) {
      std::memcpy(to.data() + at, p.slice().bytes().data(), n);
      at += n;
      continue;
    }
    const ssize_t got =
        ::pread(p.kernel()->fd(), to.data() + at, n, static_cast<off_t>(p.offset()));
    if (got <= 0) return {};
    at += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < n) break;
  }
  return to.first(at);
}

/// The first `n` queued bytes are encrypted. Credit of a piece is never more than its rest.
void TlsTransport::settle(std::size_t n) {
  plain_bytes_ -= n;
  if (out_.empty()) {
    tail_begin_ += static_cast<std::uint32_t>(n);
    if (tail_begin_ == tail_end_) credit_ += std::exchange(tail_credit_, 0);
    return;
  }
  std::uint64_t left = n;
  while (left > 0) {
    Piece& p = out_.front();
    const std::uint64_t part = std::min<std::uint64_t>(left, p.size());
    p.remove_prefix(part);
    left -= part;
    const std::uint64_t kept = std::min(p.credit(), p.size());
    credit_ += p.credit() - kept;
    p.with_credit(kept);
    if (p.size() == 0) out_.pop_front();
  }
}

void TlsTransport::on_sent(std::uint64_t, bool drained) {
  if (state_ == State::failing && drained) return broken_now();
  if (state_ != State::open || !encrypt() || !drain_owed_) return;
  const bool all = drained && plain_bytes_ == 0 && lower_.output_bytes() == 0;
  if (all) drain_owed_ = false;
  events_->on_sent(std::exchange(credit_, 0), all);
}

void TlsTransport::shutdown_write() {
  if (fin_ == Fin::queued || fin_ == Fin::sent) return;
  if (fin_ == Fin::said) {
    fin_ = Fin::sent;
    return lower_.shutdown_write();
  }
  fin_ = Fin::queued;
  drain_owed_ = true;
  flush_later();
}

void TlsTransport::say_goodbye() {
  if (records_) return put_alert(1, TlsAlert::close_notify);
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// Ends.

void TlsTransport::fail_tls() {
  const auto error = ERR_peek_error();
  const char* why = ERR_reason_error_string(error);
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  ERR_clear_error();
  if (reason == SSL_R_HTTP_REQUEST && peer_ == Origin::downstream) lower_.queue_copy(kWrongPort);
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    fail({Errc::eof, peer_,
          state_ == State::handshaking ? "connection closed during the TLS handshake"
                                       : "TLS connection was cut off"});
  } else {
    fail({Errc::protocol, peer_, why ? std::string_view(why) : "TLS error"});
  }
}

void TlsTransport::fail(Error e) {
  failure_ = e;
  let_go();
  if (lower_.output_bytes() == 0) return broken_now();
  // An alert tells the peer why.
  state_ = State::failing;
  timer_.arm(loop().timers(), loop().now() + kAlertTime);
  lower_.stop_recv();
  lower_.shutdown_write();
}

void TlsTransport::broken_now() {
  let_go();
  state_ = State::closed;
  lower_.close(CloseMode::normal);
  events_->on_broken(failure_);
}

void TlsTransport::on_broken(Error e) {
  if (state_ == State::failing) e = failure_;
  let_go();
  state_ = State::closed;
  events_->on_broken(e);
}

void TlsTransport::let_go() {
  timer_.cancel();
  flush_.cancel();
  receive_.cancel();
  receiving_ = false;
  cipher_in_.clear();
  out_.clear();
  ticket_ = {};
  tail_.reset();
  tail_begin_ = tail_end_ = 0;
  tail_credit_ = plain_bytes_ = credit_ = 0;
}

void TlsTransport::close(CloseMode mode) {
  if (state_ == State::closed) return;
  const bool silent = fin_ == Fin::none || fin_ == Fin::goodbye;
  const bool polite = state_ == State::open && mode == CloseMode::normal && silent &&
                      !lower_ended_ && plain_bytes_ == 0 && lower_.output_bytes() == 0;
  const std::string ticket = std::move(ticket_);
  let_go();
  state_ = State::closed;
  std::array<std::byte, 1024> last;
  constexpr std::size_t kAlert = 128;
  if (!polite || ticket.size() + kAlert > last.size()) return lower_.close(mode);
  std::memcpy(last.data(), ticket.data(), ticket.size());
  std::span<std::byte> room = std::span(last).subspan(ticket.size());
  goodbye_ = &room;
  say_goodbye();
  goodbye_ = nullptr;
  lower_.close_saying(std::span<const std::byte>(last).first(last.size() - room.size()));
}

}  // namespace aralez
