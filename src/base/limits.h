#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aralez {

/// Every bound on what a peer can make us hold or wait for, with its default. The ones an operator
/// may want to change are keys of main.yaml (docs/user/limits.md); the rest are compile-time.
struct Limits {
  using Millis = std::chrono::milliseconds;

  // Client side.
  std::size_t client_max_head_bytes =
      64 * 1024;                           ///< request line and fields together; 431 or 414 above
  std::uint32_t client_max_headers = 128;  ///< fields per head; 431 above
  std::uint32_t client_max_connections = 16384;  ///< per client address (IPv6 /64); 0 is no limit
  Millis client_head_timeout{10'000};            ///< first byte of a head to its last
  Millis client_handshake_timeout{10'000};       ///< accept to the end of the TLS handshake
  Millis client_idle_timeout{75'000};            ///< keep-alive connection without a request
  std::uint32_t client_min_body_rate =
      500;  ///< bytes per second, request body and response; 0 is off
  std::uint32_t auth_failure_limit =
      20;  ///< failed authorizations per client and host in ten seconds; 0 is no limit
  Millis client_rate_window{10'000};  ///< the rate above is averaged over this

  // Upstream side.
  Millis upstream_connect_timeout{5'000};      ///< each endpoint tried, its name's lookup included
  Millis upstream_first_byte_timeout{60'000};  ///< request sent to first byte of the response head
  Millis upstream_idle_timeout{60'000};        ///< between two pieces of a response
  Millis upstream_pool_timeout{60'000};        ///< idle connection kept in the pool
  Millis tunnel_idle_timeout{3'600'000};       ///< upgraded connections, both directions silent
  std::uint32_t upstream_keepalive_pool_size =
      128;                         ///< idle upstream connections over all endpoints
  std::uint32_t max_retries = 16;  ///< attempts per request
  std::uint32_t upstream_max_fails =
      3;  ///< connects in a row; then a worker leaves it out; 0: never
  Millis upstream_fail_timeout{1'000};  ///< left out that long at first, twice as long each time
  Millis upstream_max_fail_timeout{60'000};  ///< at most
  bool upstream_pacing = true;  ///< of a server that answers fast, requests wait for their turn

  // Fixed.
  static constexpr std::size_t kMaxTarget = 16 * 1024;        ///< request target; 414 above
  static constexpr std::size_t kMaxUpstreamHead = 64 * 1024;  ///< response head; 502 above
  static constexpr std::uint32_t kMaxUpstreamHeaders = 256;
  static constexpr std::size_t kMaxChunkExtension = 256;  ///< bytes per chunk size line
  static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
  static constexpr std::uint32_t kMaxInterim = 32;  ///< 1xx heads per response
  static constexpr std::size_t kBodyWindow =
      256 * 1024;  ///< bytes in flight per direction of an exchange
  static constexpr std::size_t kReplayBytes = 64 * 1024;  ///< request body kept for another attempt
  static constexpr std::size_t kReplayPieces =
      512;  ///< of such a body; in more it was cut to make us hold them
  static constexpr std::size_t kDrainBytes =
      256 * 1024;  ///< unread request body swallowed to keep a connection
  // HTTP/2 connections. What is counted refills with time, and stands for work that useful frames
  // do not cause.
  static constexpr std::uint32_t kH2Streams = 100;  ///< requests at once; refused above
  static constexpr std::size_t kH2HeaderBytes =
      1024 * 1024;  ///< decoded heads of one connection's streams
  static constexpr std::size_t kH2SendBytes =
      2048 * 1024;  ///< answers that wait for one connection's client; a stream may have 16 KiB
  static constexpr double kH2Resets = 200;  ///< streams thrown away, by the client or because of it
  static constexpr double kH2ResetsPerSecond = 20;
  static constexpr double kH2Glitches =
      1000;  ///< pings, settings, empty frames, priorities, small window updates
  static constexpr double kH2GlitchesPerSecond = 100;
  static constexpr std::uint32_t kLimitCells =
      917'504;  ///< counts of rate_limit and the like, together; 16 MiB
  static constexpr std::uint32_t kSubrequests =
      1024;  ///< questions to authorization servers under way, per worker; refused above
  static constexpr std::size_t kSubrequestBody = 64 * 1024;  ///< of an answer to one
  static constexpr std::uint32_t kMaxHandshakes = 1024;  ///< TLS handshakes under way, per worker
  static constexpr Millis kLinger{2'000};                ///< wait for the client's FIN after ours
};

}  // namespace aralez
