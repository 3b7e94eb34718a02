#include "codec/h2/server_codec.h"

#include <array>
#include <charconv>

#include "base/ascii.h"
#include "codec/h2/block_writer.h"
#include "codec/h2/websocket.h"

namespace aralez::h2 {
namespace {

constexpr Millis kDrainRoundTrip{1'000};
constexpr std::string_view kDrainPing = "goingawa";

BlockLimits block_limits(const Limits& l) {
  return {l.client_max_head_bytes, l.client_max_headers,
          std::min(Limits::kMaxTarget, l.client_max_head_bytes)};
}

bool is_call(const Head& head) {
  return head.fields.value(FieldId::content_type).starts_with("application/grpc");
}

}  // namespace

ServerCodec::ServerCodec(Transport& transport, ServerEvents& owner, Shared& shared,
                         const Limits& limits)
    : Session(transport, shared, block_limits(limits), Life::preface),
      owner_(owner),
      client_limits_(limits) {}

void ServerCodec::start(ReadBuffer& first) {
  t_.flush_at_turn_end();
  write_settings(t_, {{SettingId::max_concurrent_streams, Limits::kH2Streams},
                      {SettingId::max_header_list_size, static_cast<std::uint32_t>(limits_.bytes)},
                      {SettingId::enable_connect_protocol, 1},
                      {SettingId::no_rfc7540_priorities, 1}});
  write_window_update(t_, 0, kConnectionWindow - kDefaultWindow);
  wait_for(Wait::preface, client_limits_.client_head_timeout);
  take_over(first);
  t_.start_recv();
}

void ServerCodec::on_settings() {
  if (wait_ == Wait::preface) watch();
}

// Requests.

void ServerCodec::on_block(const Block& block) {
  if (MuxStream* const s = find(block.id)) return deliver_trailers(*s, block);
  if (block.id % 2 == 0)
    return connection_error(ErrorCode::protocol_error, "HEADERS on a stream of ours");
  if (block.id <= last_stream_) return take_closed(block);
  // Our last word was that this one will not be looked at (RFC 9113 section 6.8).
  if (drain_ == Drain::told) return;
  last_stream_ = block.id;
  take_request(block);
}

void ServerCodec::take_closed(const Block& block) {
  switch (how_ended(block.id)) {
    case Ended::reset_by_us: charge(1); return;
    case Ended::unknown:
      return connection_error(ErrorCode::protocol_error, "stream identifier goes back");
    case Ended::complete:
    case Ended::reset_by_peer: break;
  }
  connection_error(ErrorCode::stream_closed, "HEADERS on a closed stream");
}

void ServerCodec::take_request(const Block& block) {
  if (block.self_dependent)
    return stream_error(block.id, ErrorCode::protocol_error,
                        {0, "stream depends on itself", Reason::h2_protocol});
  if (streams() >= Limits::kH2Streams ||
      header_bytes_ + block.reader.bytes() > Limits::kH2HeaderBytes)
    return stream_error(block.id, ErrorCode::refused_stream,
                        {0, "too many requests at once", Reason::h2_refused});
  std::array<char, kWebSocketKey> key;
  const bool websocket = iequals(block.reader.protocol(), "websocket");
  if (websocket) {
    make_websocket_key(shared_.random, key);
    block.reader.add("sec-websocket-key", {key.data(), key.size()});
  }
  Head head;
  const auto verdict = block.reader.request(head, block.end);
  if (verdict.kind == BlockVerdict::Kind::malformed)
    return stream_error(block.id, ErrorCode::protocol_error, verdict.error);
  if (verdict.kind == BlockVerdict::Kind::refused)
    return answer(block.id, block.end, verdict.error);
  earn(2);
  MuxStream& s = open_stream(block.id, MuxStream::Phase::open);
  s.header_bytes = block.reader.bytes();
  header_bytes_ += s.header_bytes;
  if (websocket) s.accept = websocket_accept({key.data(), key.size()});
  begin(s, std::move(head), block.end);
}

void ServerCodec::begin(MuxStream& s, Head&& head, End end) {
  s.method = head.method;
  s.rx_left = MuxStream::length_of(head.length);
  if (!head.upgrade.empty())
    s.kind = MuxStream::Kind::asked;
  else if (is_call(head))
    s.kind = MuxStream::Kind::call;
  if (wait_ != Wait::active) watch();
  s.events = &owner_.on_stream(s);
  if (!s.gated()) return deliver_head(s, std::move(head), end);
  // What comes on this stream is the tunnel's, and is kept until there is one.
  s.rx = MuxStream::Rx::body;
  s.events->on_head(std::move(head), End::yes);
}

/// A request that is answered without having become a stream.
void ServerCodec::answer(std::uint32_t id, End end, const HeadError& error) {
  Head head{.status = error.status};
  owner_.on_refused(error, &head);
  BlockWriter out(t_, encoder_, head.fields, 2, 24);
  out.put_status(head.status);
  out.put_fields(head.fields);
  out.put("content-length", "0", FieldId::content_length);
  if (!out.finish(id, End::yes)) return break_later();
  remember(id, end == End::yes ? Ended::complete : Ended::reset_by_us);
  if (end == End::no) write_rst_stream(t_, id, ErrorCode::no_error);
  charge(10);
}

// Answers.

void ServerCodec::send_head(MuxStream& s, const Head& head, End end) {
  if (s.tx != MuxStream::Tx::head) return;
  if (s.gated() && !head.interim()) return send_tunnel_head(s, head, end);
  write_head(s, head, head.status, end);
}

/// An upgrade that the server has agreed to is a 200 here; any other 2xx must not look like one
/// (RFC 8441 section 5, threats row 18).
void ServerCodec::send_tunnel_head(MuxStream& s, const Head& head, End end) {
  if (head.status != 101) {
    const bool success = head.status >= 200 && head.status < 300;
    s.mute = success;
    write_head(s, head, success ? std::uint16_t{502} : head.status, end);
    return;
  }
  const Field* const accept = head.fields.find("sec-websocket-accept");
  const bool websocket = s.accept[0] != '\0';
  if (websocket && (!accept || accept->value != std::string_view(s.accept.data(), s.accept.size())))
    return fail_later(s, ErrorCode::connect_error);
  s.kind = MuxStream::Kind::tunnel;
  BlockWriter out(t_, encoder_, head.fields, 1, 16);
  out.put_status(200);
  for (const Field& f : head.fields)
    if (&f != accept) out.put_field(f);
  if (!out.finish(s.id, End::no)) return break_later();
  s.tx = MuxStream::Tx::body;
  tell_later(s);
}

void ServerCodec::write_head(MuxStream& s, const Head& head, std::uint16_t status, End end) {
  const bool known = head.length.kind == BodyLength::Kind::known;
  if (!head.interim()) s.mute |= s.method == Method::head || bodyless(status);
  const bool last = !head.interim() && (end == End::yes || s.mute);
  BlockWriter out(t_, encoder_, head.fields, 2, 48);
  out.put_status(status);
  out.put_fields(head.fields);
  if (known && status == head.status && status >= 200 && status != 204)
    out.put_number("content-length", head.length.bytes, FieldId::content_length);
  if (!out.finish(s.id, last ? End::yes : End::no)) return break_later();
  if (head.interim()) return;
  if (!s.mute) s.tx_left = MuxStream::length_of(head.length);
  s.tx = MuxStream::Tx::body;
  if (end == End::yes) finished_sending(s);
}

/// The answer is whole; what is left of the request is of no use (RFC 9113 section 8.1).
void ServerCodec::on_half_done(MuxStream& s) {
  write_rst_stream(t_, s.id, ErrorCode::no_error);
  remember(s.id, Ended::reset_by_us);
  close_stream(s);
}

// The end of the connection.

void ServerCodec::drain() {
  if (drain_ != Drain::no || wait_ == Wait::closed || wait_ == Wait::linger) return;
  if (wait_ == Wait::preface) return last_words();
  drain_ = Drain::asked;
  write_goaway(t_, kMaxStreamId, ErrorCode::no_error, {});
  write_ping(t_, 0, kDrainPing);
  drain_timer_.arm(t_.loop().timers(), t_.loop().now() + kDrainRoundTrip);
}

void ServerCodec::on_ping_ack(std::string_view opaque) {
  if (drain_ == Drain::asked && opaque == kDrainPing) last_words();
}

void ServerCodec::on_drain_timer(TimePoint) {
  if (drain_ == Drain::asked) last_words();
}

/// The second GOAWAY: streams up to the last one are finished, others will not be looked at.
void ServerCodec::last_words() {
  drain_ = Drain::told;
  drain_timer_.cancel();
  if (!running() && wait_ != Wait::preface) return;
  write_goaway(t_, last_stream_, ErrorCode::no_error, {});
  if (streams() == 0) finish_output();
}

void ServerCodec::on_stream_closed() {
  if (streams() > 0 || !running()) return;
  if (drain_ == Drain::told) return finish_output();
  watch();
}

void ServerCodec::on_said_goodbye() {
  if (wait_ == Wait::linger || wait_ == Wait::closed) return;
  // Wait for the client's FIN: closing over unread input would reset our last bytes away.
  t_.shutdown_write();
  wait_for(Wait::linger, Limits::kLinger);
}

void ServerCodec::on_recv_end() {
  if (!running() || streams() == 0)
    return close_now(Transport::CloseMode::normal,
                     {Errc::eof, Origin::downstream, "client has gone"});
  // Whole requests are answered as far as the windows go.
  drain_ = Drain::told;
  for_each_stream([this](MuxStream& s) {
    if (s.listed() && s.rx == MuxStream::Rx::body) fail_stream(s, ResetCode::closed);
  });
  if (running() && streams() == 0) finish_output();
}

void ServerCodec::on_broken(Error e) {
  close_now(Transport::CloseMode::normal, e);
}

/// With a reset: what the kernel still holds for a client that hardly reads would keep it served
/// for long.
void ServerCodec::cut_off() {
  close_now(Transport::CloseMode::abort, {Errc::timeout, Origin::internal, "cut off"});
}

void ServerCodec::on_session_closed(Error) {
  wait_ = Wait::closed;
  timer_.cancel();
  drain_timer_.cancel();
  owner_.on_closed();
}

}  // namespace aralez::h2
