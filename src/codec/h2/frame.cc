#include "codec/h2/frame.h"

#include <cstring>

namespace aralez::h2 {
namespace {

void put_u32(std::byte* to, std::uint32_t v) noexcept {
  to[0] = static_cast<std::byte>(v >> 24);
  to[1] = static_cast<std::byte>(v >> 16);
  to[2] = static_cast<std::byte>(v >> 8);
  to[3] = static_cast<std::byte>(v);
}

/// Room for a frame with `length` bytes of payload; the header is written, the payload is not.
std::byte* begin_frame(Transport& to, const FrameHeader& header) {
  std::byte* const at = to.output_space(kFrameHeader + header.length).data();
  put_frame_header(at, header);
  return at + kFrameHeader;
}
void end_frame(Transport& to, const FrameHeader& header) {
  to.commit_output(kFrameHeader + header.length);
}

}  // namespace

FrameHeader read_frame_header(std::string_view s) noexcept {
  FrameHeader h;
  h.length = read_u32(s) >> 8;
  h.type = static_cast<FrameType>(static_cast<unsigned char>(s[3]));
  h.flags = static_cast<std::uint8_t>(s[4]);
  h.stream = read_u32(s.substr(5)) & kMaxStreamId;
  return h;
}

void put_frame_header(std::byte* to, const FrameHeader& h) noexcept {
  put_u32(to, h.length << 8);
  to[3] = static_cast<std::byte>(h.type);
  to[4] = static_cast<std::byte>(h.flags);
  put_u32(to + 5, h.stream);
}

void write_settings(Transport& to, std::initializer_list<Setting> settings) {
  constexpr std::size_t kEach = 6;
  const FrameHeader h{static_cast<std::uint32_t>(settings.size() * kEach), FrameType::settings};
  std::byte* at = begin_frame(to, h);
  for (const Setting& s : settings) {
    const auto id = static_cast<std::uint16_t>(s.id);
    at[0] = static_cast<std::byte>(id >> 8);
    at[1] = static_cast<std::byte>(id);
    put_u32(at + 2, s.value);
    at += kEach;
  }
  end_frame(to, h);
}

void write_settings_ack(Transport& to) {
  const FrameHeader h{0, FrameType::settings, flag::kAck};
  begin_frame(to, h);
  end_frame(to, h);
}

void write_ping(Transport& to, std::uint8_t flags, std::string_view opaque) {
  const FrameHeader h{8, FrameType::ping, flags};
  std::memcpy(begin_frame(to, h), opaque.data(), 8);
  end_frame(to, h);
}

void write_rst_stream(Transport& to, std::uint32_t stream, ErrorCode code) {
  const FrameHeader h{4, FrameType::rst_stream, 0, stream};
  put_u32(begin_frame(to, h), static_cast<std::uint32_t>(code));
  end_frame(to, h);
}

void write_goaway(Transport& to, std::uint32_t last_stream, ErrorCode code, std::string_view why) {
  const FrameHeader h{static_cast<std::uint32_t>(8 + why.size()), FrameType::goaway};
  std::byte* const at = begin_frame(to, h);
  put_u32(at, last_stream);
  put_u32(at + 4, static_cast<std::uint32_t>(code));
  if (!why.empty()) std::memcpy(at + 8, why.data(), why.size());
  end_frame(to, h);
}

void write_window_update(Transport& to, std::uint32_t stream, std::uint32_t increment) {
  const FrameHeader h{4, FrameType::window_update, 0, stream};
  put_u32(begin_frame(to, h), increment);
  end_frame(to, h);
}

ResetCode reset_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::refused_stream: return ResetCode::refused;
    case ErrorCode::http_1_1_required: return ResetCode::http1_required;
    case ErrorCode::no_error:
    case ErrorCode::cancel: return ResetCode::cancel;
    case ErrorCode::protocol_error:
    case ErrorCode::flow_control_error:
    case ErrorCode::frame_size_error:
    case ErrorCode::stream_closed:
    case ErrorCode::compression_error: return ResetCode::protocol;
    default: return ResetCode::internal;
  }
}

ErrorCode error_code_of(ResetCode code) noexcept {
  switch (code) {
    case ResetCode::refused: return ErrorCode::refused_stream;
    case ResetCode::protocol: return ErrorCode::protocol_error;
    case ResetCode::internal: return ErrorCode::internal_error;
    case ResetCode::cancel:
    case ResetCode::closed:
    case ResetCode::http1_required:
    case ResetCode::timeout: break;
  }
  return ErrorCode::cancel;
}

}  // namespace aralez::h2
