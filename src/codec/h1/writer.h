#pragma once

#include "http/head.h"
#include "http/stream.h"
#include "io/transport.h"

namespace aralez::h1 {

/// How a body is put on the wire.
enum class BodyMode : std::uint8_t {
  none,    ///< no body at all; what is sent is dropped (HEAD, 204, 304)
  length,  ///< Content-Length bytes
  chunked,
  raw,  ///< until the connection ends; tunnels
};

/// Framing lines a codec adds behind the fields of a head.
struct WireFraming {
  BodyMode mode = BodyMode::none;
  bool write_length = false;
  std::uint64_t length = 0;
  std::string_view connection;  ///< value of `Connection`, empty for none
  std::string_view upgrade;
  bool expect_continue = false;
};

/// Writes request line or status line, fields and framing into the transport's output in one piece.
void write_request_head(Transport& to, const Head& head, const WireFraming& framing);
void write_response_head(Transport& to, const Head& head, const WireFraming& framing);

/// Puts body bytes on the wire in the mode that the head announced.
class BodyWriter {
 public:
  void start(BodyMode mode, std::uint64_t length) noexcept {
    mode_ = mode;
    left_ = length;
  }
  [[nodiscard]] BodyMode mode() const noexcept { return mode_; }
  /// Body bytes still owed to an announced length.
  [[nodiscard]] std::uint64_t left() const noexcept {
    return mode_ == BodyMode::length ? left_ : 0;
  }
  /// Body bytes queued so far, of all messages of the connection.
  [[nodiscard]] std::uint64_t queued() const noexcept { return queued_; }

  /// Returns how many body bytes were dropped rather than queued: the caller owes their credit.
  [[nodiscard]] std::uint64_t send(Transport& to, Chain&& body, End end);
  void send_trailers(Transport& to, const Fields& trailers);

 private:
  BodyMode mode_ = BodyMode::none;
  std::uint64_t left_ = 0;
  std::uint64_t queued_ = 0;
};

}  // namespace aralez::h1
