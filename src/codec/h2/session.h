#pragma once

#include <array>
#include <random>
#include <string>

#include "base/limits.h"
#include "codec/h2/budget.h"
#include "codec/h2/frame.h"
#include "codec/h2/head_reader.h"
#include "codec/h2/hpack/decoder.h"
#include "codec/h2/hpack/encoder.h"
#include "codec/h2/mux_stream.h"
#include "codec/h2/sent_queue.h"
#include "codec/h2/stream_table.h"
#include "http/head_error.h"
#include "io/transport.h"

namespace aralez::h2 {

/// What all sessions of a worker share. Outlives them.
struct Shared {
  explicit Shared(Loop& loop) : streams(loop) {}

  HpackScratch hpack;
  /// Where heads are parsed into: a head is handed on before the next is read.
  std::array<Field, Limits::kMaxUpstreamHeaders> fields;
  StreamPool streams;
  std::uint64_t random = std::random_device{}();  ///< seed of what must not repeat
};

/// What the peer has asked for (RFC 9113 section 6.5.2).
struct PeerSettings {
  std::uint32_t max_concurrent_streams = 0xffffffff;
  std::uint32_t initial_window = kDefaultWindow;
  bool enable_push = true;
  bool enable_connect_protocol = false;
};

/// What the two roles of an HTTP/2 connection have in common (RFC 9113): frames, header blocks,
/// windows, streams and their bounds. A role says what a header block means and when the connection
/// ends. Sans-I/O: one Transport below, Stream and StreamEvents above; one worker.
///
/// Events of streams come from on_received, on_sent, on_broken, timers and run_todo(), never from a
/// Stream method. Each may end any stream or the session: nothing is touched after one without a
/// look at life_ or at the stream.
class Session : public TransportEvents {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Streams that hold a slot: open, or still being sent.
  [[nodiscard]] std::size_t streams() const noexcept { return table_.size(); }

  // For MuxStream.
  virtual void send_head(MuxStream& s, const Head& head, End end) = 0;
  void send_body(MuxStream& s, Chain&& body, End end);
  void send_trailers(MuxStream& s, const Fields& trailers);
  void grant(MuxStream& s, std::size_t n);
  [[nodiscard]] std::size_t body_room(MuxStream& s);
  void reset(MuxStream& s, ResetCode code);
  void detach(MuxStream& s);

  ReadBuffer& recv_buffer() final { return in_; }
  void on_received() final { read_input(); }
  void on_spliced(std::size_t) final {}
  void on_sent(std::uint64_t credit, bool drained) final;

 protected:
  enum class Life : std::uint8_t {
    preface,  ///< the peer's first bytes are to come
    open,
    closing,  ///< GOAWAY with an error is on its way out; input is dropped
    closed
  };
  /// A complete header block, decoded.
  struct Block {
    std::uint32_t id;
    End end;
    bool self_dependent;  ///< RFC 7540 section 5.3.1
    HeadReader& reader;
  };

  Session(Transport& transport, Shared& shared, const BlockLimits& limits, Life life);
  ~Session();

  // What a role decides.
  virtual void on_block(const Block& block) = 0;
  /// Not opened yet, by neither side.
  [[nodiscard]] virtual bool is_idle(std::uint32_t id) const = 0;
  /// Goes into our GOAWAY.
  [[nodiscard]] virtual std::uint32_t last_peer_stream() const = 0;
  virtual void on_settings() {}
  virtual void on_goaway(std::uint32_t last_stream, ErrorCode code) = 0;
  virtual void on_ping_ack(std::string_view) {}
  /// The peer did something that we refuse; `error.status` is 0.
  virtual void on_fault(const HeadError& error) = 0;
  /// A slot has become free.
  virtual void on_stream_closed() {}
  /// All output is with the kernel, the last of it a GOAWAY.
  virtual void on_said_goodbye() = 0;
  /// The whole message of ours is framed, and the owner has gone, before the peer's has ended.
  virtual void on_half_done(MuxStream& s) = 0;
  /// Whether a stream that was handed over whole is still sent when its owner has gone.
  [[nodiscard]] virtual bool lingers(bool received) const = 0;
  /// Over. All streams have been told.
  virtual void on_session_closed(Error why) = 0;
  /// Input was read, or output has left.
  virtual void on_progress() {}
  /// Streams are ours: that the peer resets them, or goes on with one that we have given up, is no
  /// attack.
  [[nodiscard]] virtual bool opens_streams() const { return false; }

  /// A stream with windows and a place in the table. Pre: none with this id.
  [[nodiscard]] MuxStream& open_stream(std::uint32_t id, MuxStream::Phase phase);
  [[nodiscard]] MuxStream* find(std::uint32_t id) const noexcept { return table_.find(id); }
  /// Begins the peer's body as `head` announces it; then tells.
  void deliver_head(MuxStream& s, Head&& head, End end);
  void deliver_trailers(MuxStream& s, const Block& block);
  /// The peer's stream is over (RST_STREAM, or what it did is a stream error).
  void fail_stream(MuxStream& s, ResetCode code);
  /// RFC 9113 section 5.4.2. Counts against the budget of resets.
  void stream_error(std::uint32_t id, ErrorCode code, const HeadError& why);
  /// RFC 9113 section 5.4.1.
  void connection_error(ErrorCode code, std::string_view why, Reason reason = Reason::h2_protocol);
  void fail_all(ResetCode code);
  void close_now(Transport::CloseMode mode, Error why);
  /// Takes the stream's slot away. The owner has been told, or is gone.
  void close_stream(MuxStream& s);
  /// Ends a stream from within one of its methods: RST_STREAM now, the owner is told later.
  void fail_later(MuxStream& s, ErrorCode code);
  /// The whole message is framed.
  void finished_sending(MuxStream& s);
  /// Nothing more is read or begun; on_said_goodbye() follows when the output has left.
  void finish_output();
  /// Input that came before this codec did.
  void take_over(ReadBuffer& first);
  /// A frame or a header block has begun and not ended.
  [[nodiscard]] bool input_incomplete() const noexcept {
    return block_.stream != 0 || (!in_.empty() && !data_.reading);
  }
  /// After the encoder has failed: the connection ends as soon as nobody is calling.
  void break_later();
  template <class Fn>
  void for_each_stream(Fn&& fn) {
    table_.for_each(std::forward<Fn>(fn));
  }

  using Ended = StreamTable::Ended;
  [[nodiscard]] Ended how_ended(std::uint32_t id) const noexcept { return table_.how_ended(id); }
  void remember(std::uint32_t id, Ended how) noexcept { table_.remember(id, how); }

  /// Something that costs us and brings the peer nothing (threats row 11). False: it was too much,
  /// and the connection is closing.
  bool charge(double cost);
  void earn(double n) noexcept { glitches_.earn(n); }
  /// A stream that was thrown away (threats rows 7 and 10). As charge().
  bool charge_reset();

  void read_input();
  /// Frames as much as windows, fairness and the output's bound allow.
  void pump_output();
  void tell_later(MuxStream& s);
  [[nodiscard]] bool running() const noexcept { return life_ == Life::open; }

  static constexpr std::uint32_t kConnectionWindow = 2 * 1024 * 1024;

  Transport& t_;
  Shared& shared_;
  BlockLimits limits_;
  HpackDecoder decoder_;
  HpackEncoder encoder_;
  ReadBuffer in_;
  PeerSettings peer_;
  Life life_;
  /// Of our connection window: raised by a WINDOW_UPDATE that the role sends first.
  std::int64_t recv_window_ = kConnectionWindow;
  std::size_t header_bytes_ = 0;  ///< decoded heads of all streams
  std::size_t room_given_ = 0;    ///< for bodies that wait, of all streams
  std::uint64_t framed_ = 0;      ///< body bytes put into DATA frames, of all streams
  std::uint64_t left_ = 0;        ///< of those, how many have left

 private:
  /// The DATA frame that is being read.
  struct DataFrame {
    bool reading = false;
    End end = End::no;
    std::uint32_t id = 0;
    std::uint32_t left = 0;
    std::uint32_t pad = 0;
  };
  /// The header block that is being collected.
  struct BlockInput {
    std::uint32_t stream = 0;  ///< 0: none
    End end = End::no;
    bool self_dependent = false;
    unsigned continuations = 0;
    std::string fragment;
  };

  // Frames in, but for DATA (session_input.cc).
  bool read_one();
  void dispatch(const FrameHeader& h, std::string_view payload);
  void take_headers(const FrameHeader& h, std::string_view payload);
  void take_continuation(const FrameHeader& h, std::string_view payload);
  void finish_block(std::uint32_t id, End end, bool self_dependent, std::string_view fragment);
  void take_priority(const FrameHeader& h, std::string_view payload);
  void take_rst_stream(const FrameHeader& h, std::string_view payload);
  void take_settings(const FrameHeader& h, std::string_view payload);
  bool take_setting(SettingId id, std::uint32_t value);
  void take_ping(const FrameHeader& h, std::string_view payload);
  void take_goaway(const FrameHeader& h, std::string_view payload);
  void take_window_update(const FrameHeader& h, std::string_view payload);
  [[nodiscard]] bool backlogged() const { return t_.output_bytes() > kMaxBacklog; }

  // Bodies and windows of the peer (session_receive.cc).
  bool begin_data(const FrameHeader& h);
  bool read_data();
  void take_data(MuxStream& s, std::size_t n);
  void end_data();
  void end_of_message(MuxStream& s);
  void deliver(MuxStream& s);
  void settle(std::uint64_t n);
  void settle(MuxStream& s, std::uint64_t n);
  void open_recv_window(MuxStream& s);

  // Our bodies (session_send.cc).
  void move_initial_window(std::uint32_t value);
  void stop_sending(MuxStream& s);
  void make_ready(MuxStream& s);
  void write_data(MuxStream& s);
  std::uint64_t queue_body(MuxStream& s, std::uint64_t n);
  void write_trailers(MuxStream& s, const Fields& trailers);

  void run_todo();

  /// Body bytes framed ahead of what the kernel takes: what is framed cannot be overtaken.
  static constexpr std::uint64_t kOutputAhead = 64 * 1024;
  /// Output beyond which nothing is read: only answers to the peer's own frames can get there.
  static constexpr std::uint64_t kMaxBacklog = 256 * 1024;
  static constexpr std::size_t kCopyBelow = 1024;
  static constexpr unsigned kMaxContinuations = 16;

  StreamTable table_;
  IntrusiveList<MuxStream::Link> ready_;
  IntrusiveList<MuxStream::Link> todo_;
  SentQueue sent_;
  std::int64_t send_window_ = kDefaultWindow;
  std::uint64_t returnable_ = 0;  ///< settled, and not given back to the peer yet
  DataFrame data_;
  BlockInput block_;
  bool greeted_ = false;  ///< the peer's first SETTINGS are here
  bool paused_ = false;   ///< input waits for output to leave
  bool breaking_ = false;
  Budget glitches_;
  Budget resets_;
  MemberDeferred<Session, &Session::run_todo> run_todo_{*this};
};

}  // namespace aralez::h2
