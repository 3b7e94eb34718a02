#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "http/stream.h"
#include "io/transport.h"

namespace aralez::h2 {

/// RFC 9113 section 6, RFC 9218 section 7.1.
enum class FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
  priority_update = 16
};

/// RFC 9113 section 7.
enum class ErrorCode : std::uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  connect_error = 10,
  enhance_your_calm = 11,
  inadequate_security = 12,
  http_1_1_required = 13
};

namespace flag {
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriority = 0x20;
}  // namespace flag

/// RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1.
enum class SettingId : std::uint16_t {
  header_table_size = 1,
  enable_push = 2,
  max_concurrent_streams = 3,
  initial_window_size = 4,
  max_frame_size = 5,
  max_header_list_size = 6,
  enable_connect_protocol = 8,
  no_rfc7540_priorities = 9
};
struct Setting {
  SettingId id;
  std::uint32_t value;
};

struct FrameHeader {
  std::uint32_t length = 0;  ///< of the payload
  FrameType type = FrameType::data;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;

  [[nodiscard]] bool has(std::uint8_t f) const noexcept { return (flags & f) != 0; }
};

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::size_t kFrameHeader = 9;
/// What we take, and the least a peer takes (RFC 9113 section 4.2).
inline constexpr std::size_t kMaxPayload = 16'384;
inline constexpr std::int64_t kMaxWindow = 0x7fffffff;
inline constexpr std::uint32_t kDefaultWindow = 65'535;
inline constexpr std::uint32_t kMaxStreamId = 0x7fffffff;

/// Big-endian numbers of the wire. Pre: the text is long enough.
[[nodiscard]] constexpr std::uint32_t read_u32(std::string_view s) noexcept {
  const auto byte = [s](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(s[i]));
  };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}
[[nodiscard]] constexpr std::uint16_t read_u16(std::string_view s) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(s[0]) << 8 |
                                    static_cast<unsigned char>(s[1]));
}
/// Pre: kFrameHeader bytes.
[[nodiscard]] FrameHeader read_frame_header(std::string_view bytes) noexcept;
/// Pre: room for kFrameHeader bytes.
void put_frame_header(std::byte* to, const FrameHeader& header) noexcept;

// Whole frames into the output of a connection.
void write_settings(Transport& to, std::initializer_list<Setting> settings);
void write_settings_ack(Transport& to);
/// Pre: 8 bytes.
void write_ping(Transport& to, std::uint8_t flags, std::string_view opaque);
void write_rst_stream(Transport& to, std::uint32_t stream, ErrorCode code);
/// `why` is for people who read a trace of the connection.
void write_goaway(Transport& to, std::uint32_t last_stream, ErrorCode code, std::string_view why);
void write_window_update(Transport& to, std::uint32_t stream, std::uint32_t increment);

/// What the owner of a stream is told when the peer has reset it.
[[nodiscard]] ResetCode reset_code_of(ErrorCode code) noexcept;
/// What the peer is told when the owner gives a stream up.
[[nodiscard]] ErrorCode error_code_of(ResetCode code) noexcept;

}  // namespace aralez::h2
