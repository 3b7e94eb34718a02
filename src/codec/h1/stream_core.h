#pragma once

#include <array>

#include "base/limits.h"
#include "base/prefetch.h"
#include "codec/h1/chunked.h"
#include "codec/h1/head_parser.h"
#include "codec/h1/writer.h"
#include "http/stream.h"
#include "io/transport.h"

namespace aralez::h1 {

/// Where heads are parsed into; one per worker is enough, because a head is handed on before the
/// next is read.
struct HeadScratch {
  std::array<Field, Limits::kMaxUpstreamHeaders> fields;
};

/// What the two roles of an HTTP/1 connection have in common: one message in each direction at a
/// time, body credits, splicing, tunnels. A role says what a head looks like and what follows a
/// message.
class StreamCore : public Stream, public TransportEvents {
 public:
  StreamCore(const StreamCore&) = delete;
  StreamCore& operator=(const StreamCore&) = delete;

  void send_body(Chain&& body, End end) final;
  void send_trailers(const Fields& trailers) final;
  void grant(std::size_t n) final;
  [[nodiscard]] bool takes_pipes() const final;
  void allow_pipes() final { pipes_allowed_ = true; }

  ReadBuffer& recv_buffer() final {
    if (events_) events_->expect_head();
    return in_;
  }
  void expect_event() const final { prefetch_around(events_, kOwnerBefore, kOwnerBehind); }
  void on_received() final;
  void on_spliced(std::size_t n) final;
  void on_sent(std::uint64_t credit, bool drained) final;

 protected:
  /// Receiving half of the message pair; `closed` reads off and drops.
  enum class Rx : std::uint8_t { head, body, done, closed };
  /// Sending half.
  enum class Tx : std::uint8_t { head, body, done, closed };

  StreamCore(Transport& transport, HeadScratch& scratch) : t_(transport), scratch_(scratch) {}
  ~StreamCore() = default;

  /// A head may be at the front of the buffer. Called with rx_ == head.
  virtual void read_head() = 0;
  /// The message came in whole; `events_` knows.
  virtual void received_message() = 0;
  /// The message is queued whole.
  virtual void sent_message() = 0;
  /// All output is with the kernel.
  virtual void output_drained() = 0;
  /// The peer broke the framing of a body.
  virtual void bad_body(std::string_view why) = 0;
  /// Progress of the peer: for the rate rules of the server role.
  virtual void body_progress() {}

  void start_body(BodyMode mode, std::uint64_t length);
  void finish_rx(Chain&& last);
  /// Reads on: the rest of a body, or the next head.
  void step();
  void step_later() { t_.loop().defer(step_); }
  void update_receiving();
  void drop_pipe();

  Transport& t_;
  HeadScratch& scratch_;
  StreamEvents* events_ = nullptr;  ///< null between messages and after detach
  ReadBuffer in_;
  BodyWriter writer_;
  Rx rx_ = Rx::head;
  Tx tx_ = Tx::head;
  BodyMode rx_mode_ = BodyMode::none;
  bool pipes_allowed_ = false;
  bool tunnel_ = false;
  std::uint64_t rx_left_ = 0;   ///< of an announced length
  std::uint64_t rx_total_ = 0;  ///< body bytes received of this message
  std::size_t credit_ = 0;

 private:
  void pump();
  void read_plain(Chain& out);
  bool read_chunked(Chain& out);
  bool read_trailers(Chain&& body);
  bool start_splicing();

  static constexpr std::size_t kSpliceFrom = 64 * 1024;
  static constexpr std::size_t kMuch = 64 * 1024;
  // Of what receives events, worth fetching.
  static constexpr std::size_t kOwnerBefore = 64;
  static constexpr std::size_t kOwnerBehind = 192;

  ChunkDecoder chunks_;
  std::uint64_t owed_ = 0;  ///< credit of bytes that were dropped
  KernelRef pipe_;
  SplicePipe* pipe_raw_ = nullptr;  ///< what pipe_ keeps alive
  MemberDeferred<StreamCore, &StreamCore::step> step_{*this};
};

}  // namespace aralez::h1
