#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/chain.h"
#include "base/limits.h"
#include "base/prefetch.h"
#include "http/head.h"

namespace aralez {

enum class End : bool { no, yes };

/// Why a stream ended before its message did.
enum class ResetCode : std::uint8_t {
  cancel,          ///< the other side of the exchange is gone
  refused,         ///< not processed at all: safe to send elsewhere
  http1_required,  ///< not processed: the peer takes this request by HTTP/1.1 only
  closed,          ///< the peer closed or reset the connection
  protocol,        ///< the peer broke the protocol
  internal,
  timeout,
};

/// What a codec tells the owner of a stream. Implemented by Exchange (client side) and Attempt
/// (upstream side).
///
/// Four laws hold for every codec (tests/support/stream_laws.h): (1) no Stream method calls
/// StreamEvents before it returns; (2) after on_reset, or after detach, silence; (3) body bytes
/// delivered never exceed those granted; (4) objects live at least until the loop turn ends.
class StreamEvents {
 public:
  /// The views in the head are good until the call returns, except what `head.pin` keeps; its field
  /// array is the codec's. 1xx heads of a response come through here too, with End::no.
  virtual void on_head(Head&& head, End end) = 0;
  /// on_head will be called in a moment: fetch what it will touch (base/prefetch.h), change
  /// nothing.
  virtual void expect_head() const {}
  virtual void on_body(Chain&& body, End end) = 0;
  /// Implies End::yes. Views as in on_head.
  virtual void on_trailers(Fields&& trailers) = 0;
  /// `n` body bytes handed to send_body need no more memory.
  virtual void on_sent(std::size_t n) = 0;
  /// The last event this object ever gets from the stream.
  virtual void on_reset(ResetCode code) = 0;

 protected:
  ~StreamEvents() = default;
};

/// One message pair on one connection, owned by its codec. The same type on both sides of the
/// proxy.
class Stream {
 public:
  virtual void send_head(const Head& head, End end) = 0;
  virtual void send_body(Chain&& body, End end) = 0;
  virtual void send_trailers(const Fields& trailers) = 0;
  /// The peer may send `n` more body bytes.
  virtual void grant(std::size_t n) = 0;
  virtual void reset(ResetCode code) = 0;
  /// No event after this. A stream that is not finished is reset.
  virtual void detach() = 0;
  /// How much of a body may wait in this stream for its peer to take it: what its owner grants the
  /// other side, once.
  [[nodiscard]] virtual std::size_t body_room() { return Limits::kBodyWindow; }
  /// Whether large bodies may be sent to this stream as pipe pieces, without passing user space.
  [[nodiscard]] virtual bool takes_pipes() const { return false; }
  /// Allows the stream to deliver pipe pieces.
  virtual void allow_pipes() {}

 protected:
  ~Stream() = default;
};

/// How an exchange holds a stream.
class StreamRef {
 public:
  explicit StreamRef(Stream* s = nullptr) noexcept : s_(s) {}
  StreamRef(StreamRef&& o) noexcept : s_(std::exchange(o.s_, nullptr)) {}
  StreamRef& operator=(StreamRef&& o) noexcept {
    if (this != &o) {
      drop();
      s_ = std::exchange(o.s_, nullptr);
    }
    return *this;
  }
  ~StreamRef() { drop(); }
  /// Detaches now.
  void drop() {
    if (Stream* s = std::exchange(s_, nullptr)) s->detach();
  }
  /// The stream is gone by itself (on_reset was delivered).
  void forget() noexcept { s_ = nullptr; }
  /// Fetches the stream and its transport, which lie side by side in their connection.
  void fetch() const noexcept {
    if (s_) prefetch_around(s_, kBefore, kBehind);
  }
  explicit operator bool() const noexcept { return s_ != nullptr; }
  Stream* operator->() const noexcept { return s_; }
  Stream& operator*() const noexcept { return *s_; }

 private:
  static constexpr std::size_t kBefore = 128;
  static constexpr std::size_t kBehind = 448;
  Stream* s_;
};

}  // namespace aralez
