#include "codec/h2/client_codec.h"

#include "base/ascii.h"
#include "codec/h2/block_writer.h"

namespace aralez::h2 {
namespace {

constexpr BlockLimits kResponseLimits{Limits::kMaxUpstreamHead, Limits::kMaxUpstreamHeaders, 0};
constexpr std::string_view kPing = "stillup?";
/// Ids are 31 bits; what is left of them then is not worth a special case.
constexpr std::uint32_t kLastId = kMaxStreamId - 2;

bool is_call(const Head& head) {
  return head.fields.value(FieldId::content_type).starts_with("application/grpc");
}

}  // namespace

ClientCodec::ClientCodec(Transport& transport, ClientEvents& owner, Shared& shared, Scheme scheme)
    : Session(transport, shared, kResponseLimits, Life::open), owner_(owner), scheme_(scheme) {}

void ClientCodec::start() {
  started_ = true;
  t_.queue_copy(kPreface);
  write_settings(t_, {{SettingId::enable_push, 0},
                      {SettingId::max_header_list_size, static_cast<std::uint32_t>(limits_.bytes)},
                      {SettingId::no_rfc7540_priorities, 1}});
  write_window_update(t_, 0, kConnectionWindow - kDefaultWindow);
  t_.start_recv();
}

void ClientCodec::on_settings() {
  if (state_ != State::greeting) return;
  state_ = State::ready;
  owner_.on_ready();
}

// Requests.

Stream& ClientCodec::open_stream(StreamEvents& events) {
  assert(has_room());
  MuxStream& s = Session::open_stream(next_id_, MuxStream::Phase::unknown);
  next_id_ += 2;
  s.events = &events;
  watch();
  if (next_id_ >= kLastId) drain();
  return s;
}

void ClientCodec::send_head(MuxStream& s, const Head& head, End end) {
  if (s.tx != MuxStream::Tx::head) return;
  s.enter(MuxStream::Phase::open);
  s.method = head.method;
  // RFC 9113 section 8.3.1: what an HTTP/1.1 request has in Host.
  const Field* const host = head.fields.find(FieldId::host);
  const std::string_view authority = host ? host->value : head.authority;
  const bool known = head.length.kind == BodyLength::Kind::known;
  BlockWriter out(t_, encoder_, head.fields, 8,
                  128 + head.method_text.size() + head.target.size() + authority.size());
  out.put(":method", head.method_text);
  out.put(":scheme", scheme_ == Scheme::https ? "https" : "http");
  if (!authority.empty()) out.put(":authority", authority);
  out.put(":path", head.target);
  for (const Field& f : head.fields)
    if (f.id != FieldId::host) out.put_field(f);
  if (known) out.put_number("content-length", head.length.bytes, FieldId::content_length);
  if (head.expect_continue) out.put("expect", "100-continue");
  // Servers of gRPC want to see that trailers reach the client; this hop does carry them.
  if (is_call(head)) out.put("te", "trailers");
  if (!out.finish(s.id, end)) return break_later();
  s.tx_left = MuxStream::length_of(head.length);
  s.tx = MuxStream::Tx::body;
  if (end == End::yes) finished_sending(s);
}

// Responses.

void ClientCodec::on_block(const Block& block) {
  heard_ = true;
  if (is_idle(block.id))
    return connection_error(ErrorCode::protocol_error, "HEADERS on a stream nobody opened");
  MuxStream* const s = find(block.id);
  if (!s) {  // we have given it up, and the peer did not know
    charge(1);
  } else if (s->rx == MuxStream::Rx::head) {
    take_response(*s, block);
  } else {
    deliver_trailers(*s, block);
  }
}

void ClientCodec::take_response(MuxStream& s, const Block& block) {
  const auto broken = [&](const HeadError& why) {
    stream_error(s.id, ErrorCode::protocol_error, why);
  };
  Head head;
  const auto verdict = block.reader.response(head, block.end);
  if (verdict.kind != BlockVerdict::Kind::good) return broken(verdict.error);
  if (head.interim()) {
    if (++s.interim > Limits::kMaxInterim)
      return broken({0, "too many 1xx responses", Reason::upstream_protocol});
    return deliver_head(s, std::move(head), End::no);
  }
  const bool none = s.method == Method::head || bodyless(head.status);
  const bool known = head.length.kind == BodyLength::Kind::known;
  if (block.end == End::yes && !none) {
    if (known && head.length.bytes > 0)
      return broken({0, "body announced and not there", Reason::bad_framing});
    head.length = BodyLength::of(0);
  }
  s.rx_left = none ? 0 : MuxStream::length_of(head.length);
  if (none && !known) head.length = {};
  earn(2);
  deliver_head(s, std::move(head), block.end);
}

void ClientCodec::on_half_done(MuxStream& s) {
  Session::reset(s, ResetCode::cancel);
}

// The end of streams and of the connection.

/// Streams above the last one were not looked at (RFC 9113 section 6.8).
void ClientCodec::on_goaway(std::uint32_t last_stream, ErrorCode why) {
  drain();
  const ResetCode code =
      why == ErrorCode::http_1_1_required ? ResetCode::http1_required : ResetCode::refused;
  for_each_stream([&](MuxStream& s) {
    if (s.listed() && s.id > last_stream) fail_stream(s, code);
  });
  close_if_done();
}

void ClientCodec::drain() {
  if (state_ == State::draining) return;
  const bool was_ready = std::exchange(state_, State::draining) == State::ready;
  if (was_ready) owner_.on_draining();
}

void ClientCodec::on_stream_closed() {
  if (streams() > 0 || !running()) return;
  timer_.cancel();
  pinging_ = false;
  if (state_ == State::ready) return owner_.on_idle();
  close_if_done();
}

void ClientCodec::close_if_done() {
  if (state_ == State::draining && streams() == 0 && running())
    close_now(Transport::CloseMode::normal, {Errc::eof, Origin::upstream, "upstream said goodbye"});
}

void ClientCodec::on_said_goodbye() {
  const Errc code = state_ == State::greeting ? Errc::mismatch : Errc::protocol;
  close_now(Transport::CloseMode::normal, {code, Origin::upstream, fault_});
}

void ClientCodec::on_recv_end() {
  if (!running()) return on_said_goodbye();
  drain();
  for_each_stream([this](MuxStream& s) {
    const bool open = s.rx == MuxStream::Rx::head || s.rx == MuxStream::Rx::body;
    if (s.listed() && open) fail_stream(s, ResetCode::closed);
  });
  close_if_done();
}

void ClientCodec::on_broken(Error e) {
  close_now(Transport::CloseMode::normal, e);
}

void ClientCodec::close(Transport::CloseMode mode) {
  close_now(mode, {Errc::eof, Origin::internal, "closed by us"});
}

void ClientCodec::on_session_closed(Error why) {
  timer_.cancel();
  owner_.on_closed(why);
}

// Is it still there?

void ClientCodec::watch() {
  if (timer_.armed()) return;
  heard_ = false;
  timer_.arm(t_.loop().timers(), t_.loop().now() + kQuiet);
}

void ClientCodec::on_ping_ack(std::string_view opaque) {
  if (opaque != kPing) return;
  pinging_ = false;
  timer_.cancel();  // once per quiet time: servers of gRPC take more for an attack
}

void ClientCodec::on_timer(TimePoint) {
  if (pinging_)
    return close_now(Transport::CloseMode::abort,
                     {Errc::timeout, Origin::upstream, "upstream does not answer a PING"});
  if (heard_) return;
  pinging_ = true;
  write_ping(t_, 0, kPing);
  timer_.arm(t_.loop().timers(), t_.loop().now() + kPingTime);
}

}  // namespace aralez::h2
