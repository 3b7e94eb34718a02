#include <algorithm>

#include "codec/h2/session.h"

namespace aralez::h2 {

void Session::read_input() {
  while (!in_.empty()) {
    if (life_ == Life::closing) {
      in_.clear();
      break;
    }
    if (life_ == Life::closed) return;
    if (backlogged()) {
      paused_ = true;
      t_.stop_recv();
      return;
    }
    if (!read_one()) break;
  }
  if (life_ == Life::closed) return;
  in_.release_if_empty();
  pump_output();
  on_progress();
}

/// False: more bytes are needed, or nothing is read any more.
bool Session::read_one() {
  if (data_.reading) return read_data();
  if (life_ == Life::preface) {  // of a client; ours has SETTINGS alone, checked in dispatch()
    const auto text = in_.text();
    const std::size_t n = std::min(text.size(), kPreface.size());
    if (text.substr(0, n) != kPreface.substr(0, n)) {
      connection_error(ErrorCode::protocol_error, "not a connection preface");
      return false;
    }
    if (n < kPreface.size()) return false;
    in_.consume(n);
    life_ = Life::open;
    return true;
  }
  if (in_.size() < kFrameHeader) return false;
  const FrameHeader h = read_frame_header(in_.text());
  if (h.length > kMaxPayload) {
    connection_error(ErrorCode::frame_size_error, "frame larger than allowed");
    return false;
  }
  if (block_.stream != 0 && (h.type != FrameType::continuation || h.stream != block_.stream)) {
    connection_error(ErrorCode::protocol_error, "header block interrupted");
    return false;
  }
  if (!greeted_ && (h.type != FrameType::settings || h.has(flag::kAck))) {
    connection_error(ErrorCode::protocol_error, "first frame is not SETTINGS");
    return false;
  }
  if (h.type == FrameType::data) return begin_data(h) && read_data();
  if (in_.size() < kFrameHeader + h.length) return false;
  dispatch(h, in_.text().substr(kFrameHeader, h.length));
  if (life_ == Life::closed) return false;
  in_.consume(std::min(in_.size(), kFrameHeader + h.length));
  return true;
}

void Session::dispatch(const FrameHeader& h, std::string_view payload) {
  switch (h.type) {
    case FrameType::headers: return take_headers(h, payload);
    case FrameType::continuation: return take_continuation(h, payload);
    case FrameType::priority: return take_priority(h, payload);
    case FrameType::rst_stream: return take_rst_stream(h, payload);
    case FrameType::settings: return take_settings(h, payload);
    case FrameType::ping: return take_ping(h, payload);
    case FrameType::goaway: return take_goaway(h, payload);
    case FrameType::window_update: return take_window_update(h, payload);
    case FrameType::push_promise:
      return connection_error(ErrorCode::protocol_error, "PUSH_PROMISE is not taken");
    case FrameType::priority_update:
      if (h.stream != 0 || payload.size() < 4)
        return connection_error(ErrorCode::protocol_error, "malformed PRIORITY_UPDATE");
      break;
    case FrameType::data: break;
  }
  charge(1);  // what we do not know is ignored (RFC 9113 section 4.1), but not without end
}

// Header blocks.

void Session::take_headers(const FrameHeader& h, std::string_view payload) {
  if (h.stream == 0) return connection_error(ErrorCode::protocol_error, "HEADERS on stream 0");
  std::size_t pad = 0;
  if (h.has(flag::kPadded)) {
    if (payload.empty())
      return connection_error(ErrorCode::frame_size_error, "padded frame without a length of it");
    pad = static_cast<unsigned char>(payload[0]);
    payload.remove_prefix(1);
  }
  bool self_dependent = false;
  if (h.has(flag::kPriority)) {
    if (payload.size() < 5)
      return connection_error(ErrorCode::frame_size_error, "HEADERS too short for its priority");
    self_dependent = (read_u32(payload) & kMaxStreamId) == h.stream;
    payload.remove_prefix(5);
  }
  if (pad > payload.size())
    return connection_error(ErrorCode::protocol_error, "padding longer than its frame");
  payload.remove_suffix(pad);
  const End end = h.has(flag::kEndStream) ? End::yes : End::no;
  if (h.has(flag::kEndHeaders)) return finish_block(h.stream, end, self_dependent, payload);
  block_.stream = h.stream;
  block_.end = end;
  block_.self_dependent = self_dependent;
  block_.continuations = 0;
  block_.fragment.assign(payload);
}

/// Bounded before the block is complete: what nobody can use is not collected (threats row 9).
void Session::take_continuation(const FrameHeader& h, std::string_view payload) {
  if (block_.stream == 0)
    return connection_error(ErrorCode::protocol_error, "CONTINUATION of nothing");
  if (++block_.continuations > kMaxContinuations ||
      block_.fragment.size() + payload.size() > limits_.bytes)
    return connection_error(ErrorCode::enhance_your_calm, "header block too large",
                            Reason::head_too_large);
  if (payload.empty() && !charge(4)) return;
  block_.fragment.append(payload);
  if (!h.has(flag::kEndHeaders)) return;
  const std::uint32_t id = std::exchange(block_.stream, 0);
  const std::string block = std::exchange(block_.fragment, {});
  finish_block(id, block_.end, block_.self_dependent, block);
}

void Session::finish_block(std::uint32_t id, End end, bool self_dependent,
                           std::string_view fragment) {
  HeadReader reader(t_.loop().blocks(), shared_.fields, limits_);
  if (!decoder_.decode(fragment, reader))
    return connection_error(ErrorCode::compression_error, "malformed header block");
  on_block({id, end, self_dependent, reader});
}

// Control frames.

/// Deprecated (RFC 9113 section 5.3.2) and ignored, once it has the right form.
void Session::take_priority(const FrameHeader& h, std::string_view payload) {
  if (h.stream == 0) return connection_error(ErrorCode::protocol_error, "PRIORITY on stream 0");
  if (payload.size() != 5)
    return stream_error(h.stream, ErrorCode::frame_size_error,
                        {0, "PRIORITY of a wrong size", Reason::h2_protocol});
  if ((read_u32(payload) & kMaxStreamId) == h.stream)
    return stream_error(h.stream, ErrorCode::protocol_error,
                        {0, "stream depends on itself", Reason::h2_protocol});
  charge(1);
}

void Session::take_rst_stream(const FrameHeader& h, std::string_view payload) {
  if (payload.size() != 4)
    return connection_error(ErrorCode::frame_size_error, "RST_STREAM of a wrong size");
  if (h.stream == 0 || is_idle(h.stream))
    return connection_error(ErrorCode::protocol_error, "RST_STREAM on an idle stream");
  MuxStream* const s = find(h.stream);
  remember(h.stream, Ended::reset_by_peer);  // it knows now, whoever was first
  if (!s) {
    charge(1);
    return;
  }
  const bool whole = s->rx == MuxStream::Rx::ended || s->rx == MuxStream::Rx::done;
  if (whole && static_cast<ErrorCode>(read_u32(payload)) == ErrorCode::no_error)
    return stop_sending(*s);
  fail_stream(*s, reset_code_of(static_cast<ErrorCode>(read_u32(payload))));
  if (life_ == Life::open) charge_reset();
}

void Session::take_settings(const FrameHeader& h, std::string_view payload) {
  if (h.stream != 0) return connection_error(ErrorCode::protocol_error, "SETTINGS on a stream");
  if (h.has(flag::kAck)) {
    if (!payload.empty())
      return connection_error(ErrorCode::frame_size_error, "SETTINGS ack with a payload");
    charge(1);  // one is owed to us, any number may come
    return;
  }
  if (payload.size() % 6 != 0)
    return connection_error(ErrorCode::frame_size_error, "SETTINGS of a wrong size");
  if (greeted_ && !charge(1 + static_cast<double>(payload.size()) / 60)) return;
  for (; !payload.empty(); payload.remove_prefix(6)) {
    if (!take_setting(static_cast<SettingId>(read_u16(payload)), read_u32(payload.substr(2))))
      return;
  }
  write_settings_ack(t_);
  greeted_ = true;
  on_settings();
}

bool Session::take_setting(SettingId id, std::uint32_t value) {
  const auto wrong = [this](ErrorCode code, std::string_view why) {
    connection_error(code, why);
    return false;
  };
  switch (id) {
    case SettingId::header_table_size: encoder_.limit_table(value); break;
    case SettingId::enable_push:
      if (value > 1) return wrong(ErrorCode::protocol_error, "ENABLE_PUSH is neither 0 nor 1");
      break;
    case SettingId::max_concurrent_streams: peer_.max_concurrent_streams = value; break;
    case SettingId::initial_window_size:
      if (value > kMaxWindow)
        return wrong(ErrorCode::flow_control_error, "INITIAL_WINDOW_SIZE too large");
      move_initial_window(value);
      return running();
    case SettingId::max_frame_size:
      if (value < kMaxPayload || value > 0xffffff)
        return wrong(ErrorCode::protocol_error, "MAX_FRAME_SIZE out of range");
      break;
    case SettingId::enable_connect_protocol:
      if (value > 1 || (value == 0 && peer_.enable_connect_protocol))
        return wrong(ErrorCode::protocol_error, "ENABLE_CONNECT_PROTOCOL out of range");
      peer_.enable_connect_protocol = value == 1;
      break;
    case SettingId::max_header_list_size:
    case SettingId::no_rfc7540_priorities: break;
  }
  return true;
}

void Session::take_ping(const FrameHeader& h, std::string_view payload) {
  if (h.stream != 0) return connection_error(ErrorCode::protocol_error, "PING on a stream");
  if (payload.size() != 8)
    return connection_error(ErrorCode::frame_size_error, "PING of a wrong size");
  if (!charge(1)) return;
  if (h.has(flag::kAck)) return on_ping_ack(payload);
  write_ping(t_, flag::kAck, payload);
}

void Session::take_goaway(const FrameHeader& h, std::string_view payload) {
  if (h.stream != 0) return connection_error(ErrorCode::protocol_error, "GOAWAY on a stream");
  if (payload.size() < 8)
    return connection_error(ErrorCode::frame_size_error, "GOAWAY of a wrong size");
  if (charge(1))
    on_goaway(read_u32(payload) & kMaxStreamId,
              static_cast<ErrorCode>(read_u32(payload.substr(4))));
}

void Session::take_window_update(const FrameHeader& h, std::string_view payload) {
  if (payload.size() != 4)
    return connection_error(ErrorCode::frame_size_error, "WINDOW_UPDATE of a wrong size");
  const std::uint32_t n = read_u32(payload) & kMaxStreamId;
  if (h.stream == 0) {
    send_window_ += n;
    if (n == 0) return connection_error(ErrorCode::protocol_error, "WINDOW_UPDATE of zero");
    if (send_window_ > kMaxWindow)
      return connection_error(ErrorCode::flow_control_error, "connection window too large");
    charge(1);
    return;
  }
  if (is_idle(h.stream))
    return connection_error(ErrorCode::protocol_error, "WINDOW_UPDATE on an idle stream");
  if (!charge(1)) return;
  MuxStream* const s = find(h.stream);
  if (n == 0)
    return stream_error(h.stream, ErrorCode::protocol_error,
                        {0, "WINDOW_UPDATE of zero", Reason::h2_protocol});
  if (!s) return;
  s->send_window += n;
  if (s->send_window > kMaxWindow)
    return stream_error(h.stream, ErrorCode::flow_control_error,
                        {0, "window of a stream too large", Reason::h2_protocol});
  make_ready(*s);
}

}  // namespace aralez::h2
