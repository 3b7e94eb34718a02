#pragma once

#include <string>

#include "codec/h1/stream_core.h"

namespace aralez::h1 {

/// Told by a ClientCodec about its connection. Calls may come from anywhere in the codec; on_closed
/// is the last.
class ClientEvents {
 public:
  virtual void on_connected() = 0;
  /// The message pair is complete and the connection can take another request.
  virtual void on_reusable() = 0;
  /// The connection is over. The receiver retires the codec and its transport.
  virtual void on_closed(Error why) = 0;

 protected:
  ~ClientEvents() = default;
};

/// HTTP/1.1 towards an upstream: one request at a time, 1xx passed on, bodies by length, chunks or
/// connection end, upgrades. Strict: a response that cannot be read in one way only resets the
/// stream and ends the connection. Has no clock: time-outs are the business of whoever owns the
/// stream. One worker.
class ClientCodec final : public StreamCore {
 public:
  ClientCodec(Transport& transport, ClientEvents& owner, HeadScratch& scratch);

  /// The stream of the next request. Pre: the connection is new or was reported reusable.
  [[nodiscard]] Stream& open_stream(StreamEvents& events);
  /// Whether a byte of the response has been seen.
  [[nodiscard]] bool response_started() const noexcept { return response_started_; }
  void close(Transport::CloseMode mode);

  void send_head(const Head& head, End end) override;
  void reset(ResetCode code) override;
  void detach() override;

  void on_connected() override;
  void on_recv_end() override;
  void on_broken(Error e) override;

 private:
  enum class Life : std::uint8_t { idle, busy, closed };

  void read_head() override;
  void received_message() override {}
  void sent_message() override {}
  void output_drained() override { asked_ = true; }
  void body_progress() override { asked_ = true; }
  void bad_body(std::string_view why) override;

  void take_response(Head&& head);
  [[nodiscard]] BodyMode response_mode(const Head& head) const;
  void fail_stream(ResetCode code, Error why);
  void close_now(Transport::CloseMode mode, Error why);

  ClientEvents& owner_;
  std::size_t scanned_ = 0;
  std::uint32_t interim_ = 0;  ///< 1xx heads of this response
  Life life_ = Life::idle;
  Method method_ = Method::other;
  std::string upgrade_asked_;  ///< protocol, or empty
  bool asked_ = false;         ///< the transport has begun to send the request
  bool keep_alive_ = true;
  bool response_started_ = false;
};

}  // namespace aralez::h1
