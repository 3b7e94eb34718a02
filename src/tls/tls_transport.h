#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "io/transport.h"
#include "tls/record_layer.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace aralez {

struct SslFree {
  void operator()(ssl_st* ssl) const noexcept;
};
/// One TLS connection of OpenSSL, its role (accept or connect state) set.
using SslPtr = std::unique_ptr<ssl_st, SslFree>;
struct CertificateFree {
  void operator()(x509_st* certificate) const noexcept;
};

/// TLS over another transport, in either role: a Transport for the codec above, a receiver of
/// events for the socket below. No I/O of its own, one worker.
///
/// Handshake: start() (server), or on_connected() of the socket (client), begins it; on_connected()
/// above says that it is over, on_broken() that it failed. Nothing else reaches the receiver
/// before. Bytes from below are only ever given to OpenSSL, so what a peer sends in the clear
/// cannot become part of the stream (threats row 21).
///
/// Output is gathered while an event is handled and becomes records of up to 16 KiB after it, a
/// small head and its body one record. No more than kAhead bytes wait encrypted below. An idle
/// connection holds no block and no record buffer.
///
/// A server of TLS 1.3 whose context was given to hand_over_secrets() does not need OpenSSL's
/// connection once the handshake is over: it frees it and makes its records itself (RecordLayer).
/// The tickets with which its handshake ends leave with the first output, or a moment later: a
/// request often comes right behind the handshake, and one write is enough for both.
///
/// Ends: the peer's close_notify is on_recv_end(), what it sends after that is dropped. A
/// connection that ends without one was cut off: on_broken() in the client role. In the server role
/// it is on_recv_end(), because a request says itself where it ends and many clients just close
/// (RFC 9112 section 9.8).
class TlsTransport final : public Transport, public TransportEvents {
 public:
  /// `lower` delivers its events to this. `handshake_timeout` 0: someone else watches the time.
  TlsTransport(Transport& lower, TransportEvents& events, SslPtr ssl, Millis handshake_timeout);
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;
  ~TlsTransport();

  /// Connections of this context hear of their traffic secrets.
  static void hand_over_secrets(ssl_ctx_st& context);

  /// `lower` is connected.
  void start();
  /// From within on_connected(), for a codec that was chosen by alpn(): `events` hears of the rest.
  void set_events(TransportEvents& events) noexcept { events_ = &events; }

  /// Known from on_connected() on, until this dies. Empty: none was agreed on.
  [[nodiscard]] std::string_view alpn() const noexcept { return facts_.alpn; }
  /// What the client asked for; empty when it named none.
  [[nodiscard]] std::string_view server_name() const noexcept { return facts_.server_name; }
  /// Server: whether a request for `host` (a name or an address, any case) belongs here: it is what
  /// the client asked for, or the certificate it got stands for it. For who multiplexes: RFC 9113
  /// section 9.1.1, threats row 22. True for clients that named no host.
  [[nodiscard]] bool covers(std::string_view host) const;
  /// "TLSv1.3"
  [[nodiscard]] std::string_view tls_version() const noexcept { return facts_.version; }
  [[nodiscard]] bool resumed() const noexcept { return facts_.resumed; }
  [[nodiscard]] bool handshaking() const noexcept { return state_ == State::handshaking; }
  /// Null once it is not needed any more.
  [[nodiscard]] ssl_st* native() const noexcept { return ssl_.get(); }

  Loop& loop() override { return lower_.loop(); }
  void start_recv() override;
  void stop_recv() override;
  [[nodiscard]] bool splices() const override { return false; }
  void splice_into(SplicePipe* pipe, std::size_t limit) override;
  [[nodiscard]] bool input_waiting() override;
  void queue(Piece piece) override;
  [[nodiscard]] std::span<std::byte> output_space(std::size_t n) override;
  void commit_output(std::size_t n) override;
  /// Of the codec, encrypted or not; what a handshake sends does not count.
  [[nodiscard]] std::uint64_t output_bytes() const override;
  void flush_at_turn_end() override { at_turn_end_ = true; }
  void last_output() override {
    if (fin_ == Fin::none) fin_ = Fin::goodbye;
  }
  void shutdown_write() override;
  /// A normal close with nothing queued says goodbye if the kernel takes it at once.
  void close(CloseMode mode) override;

  void on_connected() override { start(); }
  void expect_event() const override { events_->expect_event(); }
  ReadBuffer& recv_buffer() override { return cipher_in_; }
  void on_received() override;
  void on_spliced(std::size_t) override {}
  void on_recv_end() override;
  void on_sent(std::uint64_t credit, bool drained) override;
  void on_broken(Error e) override;

 private:
  friend class TlsBio;

  enum class State : std::uint8_t {
    idle,  ///< not started
    handshaking,
    open,
    failing,  ///< an alert is on its way out, then on_broken()
    closed
  };
  /// The peer's end of its stream: `ending` is seen but not told, because nobody was receiving.
  enum class Rx : std::uint8_t { open, ending, ended };
  /// Of ours: `goodbye` is a close_notify behind what is queued, without a FIN; `said` when it is
  /// on its way.
  enum class Fin : std::uint8_t { none, goodbye, said, queued, sent };

  static constexpr std::size_t kAhead = 64 * 1024;
  static constexpr std::size_t kMaxRecord = 16 * 1024;
  static constexpr std::size_t kCopyBelow = 2048;
  /// Another record is decrypted into a buffer with this much room.
  static constexpr std::size_t kRoomForMore = 2048;
  static constexpr Millis kAlertTime{1'000};
  static constexpr Millis kTicketTime{20};
  static constexpr Error kFileCut{Errc::system, Origin::internal,
                                  "file became shorter while it was sent"};

  /// What the handshake agreed on.
  struct Facts {
    std::string alpn;
    std::string server_name;
    std::string_view version;  ///< static text
    bool resumed = false;
    std::unique_ptr<x509_st, CertificateFree> own;  ///< server: the certificate that was shown
  };
  /// What one step of a handshake has written, as records.
  struct Flight {
    std::uint32_t records = 0;
    std::uint32_t left = 0;  ///< bytes of the record that is being written
    std::uint8_t header_size = 0;
    std::array<char, 5> header{};
  };

  void handshake();
  void handshake_done();
  void note_facts();
  void part_with_openssl();
  static void on_secret(const ssl_st* ssl, const char* line);
  void keep_secret(std::string_view line);
  void count_records(std::string_view written);
  /// Whether these bytes of a handshake are tickets that may wait.
  [[nodiscard]] bool keep_ticket(std::string_view written);
  /// Before any other record.
  void send_ticket();
  void receive();
  void take_records();
  void open_records();
  [[nodiscard]] bool input_left() const;
  void end_of_input();
  void flush();
  void flush_later();
  /// Makes records of what is queued, as far as kAhead allows; false when that failed.
  bool encrypt();
  /// One of them, by OpenSSL or by ourselves: how many bytes of the queue it took. 0: has failed.
  [[nodiscard]] std::size_t write_record(BlockRef& scratch);
  [[nodiscard]] std::size_t seal_record(BlockRef& scratch);
  [[nodiscard]] bool seal_pieces(std::size_t n);
  [[nodiscard]] bool front_in_memory() const;
  bool send_key_update();
  void put_alert(std::uint8_t level, TlsAlert alert);
  [[nodiscard]] std::span<const std::byte> next_record(BlockRef& scratch);
  [[nodiscard]] std::span<const std::byte> gather(BlockRef& scratch);
  void settle(std::size_t n);
  void seal_tail();
  void say_goodbye();
  void fail(Error e);
  /// What OpenSSL has just refused, as a value.
  void fail_tls();
  void broken_now();
  void let_go();
  void on_timer(TimePoint now);

  Transport& lower_;
  TransportEvents* events_;
  SslPtr ssl_;
  std::unique_ptr<RecordLayer> records_;  ///< in the place of ssl_
  const Origin peer_;                     ///< downstream: this is the server
  State state_ = State::idle;
  Rx rx_ = Rx::open;
  Fin fin_ = Fin::none;
  // Independent facts, not a state.
  bool receiving_ = false;    ///< the codec wants bytes
  bool lower_ended_ = false;  ///< no byte comes from below any more
  bool at_turn_end_ = false;
  bool drain_owed_ = false;  ///< the codec has queued something since it was told of an empty queue
  ReadBuffer cipher_in_;
  // Plain output as in Socket: whole pieces, and behind them a block in which small ones gather.
  BlockRef tail_;
  std::uint32_t tail_begin_ = 0;
  std::uint32_t tail_end_ = 0;
  std::uint64_t tail_credit_ = 0;
  std::uint64_t plain_bytes_ = 0;
  std::uint64_t credit_ = 0;  ///< of pieces encrypted since the codec was told
  /// Where the last alert goes instead of into `lower_`, while it is closed.
  std::span<std::byte>* goodbye_ = nullptr;
  MemberDeferred<TlsTransport, &TlsTransport::flush> flush_{*this};
  MemberDeferred<TlsTransport, &TlsTransport::receive> receive_{*this};
  MemberTimer<TlsTransport, &TlsTransport::on_timer> timer_{*this};
  Millis handshake_timeout_;
  std::unique_ptr<TrafficSecrets> secrets_;  ///< during the handshake
  Flight flight_;
  std::string ticket_;  ///< records that wait for company; only with records_, in the end
  Facts facts_;
  Error failure_{Errc::protocol, Origin::internal, ""};
  Chain out_;
};

}  // namespace aralez
