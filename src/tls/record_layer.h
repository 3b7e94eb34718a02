#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct evp_cipher_ctx_st;
struct evp_md_st;

namespace aralez {

/// Application traffic secrets of a connection, as its handshake derived them (RFC 8446 section
/// 7.1). Forgets them when it dies.
struct TrafficSecrets {
  static constexpr std::size_t kLongest = 48;
  std::array<unsigned char, kLongest> client{};
  std::array<unsigned char, kLongest> server{};
  std::uint8_t client_size = 0;
  std::uint8_t server_size = 0;

  TrafficSecrets() = default;
  TrafficSecrets(const TrafficSecrets&) = delete;
  TrafficSecrets& operator=(const TrafficSecrets&) = delete;
  ~TrafficSecrets();
};

enum class ContentType : std::uint8_t { alert = 21, handshake = 22, data = 23 };

/// Of RFC 8446 section 6, those that are sent.
enum class TlsAlert : std::uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  internal_error = 80
};

/// The key of one direction (RFC 8446 sections 5.3 and 7.3), used for one record after the other.
class RecordKey {
 public:
  enum class Use : bool { open, seal };

  RecordKey() = default;
  RecordKey(const RecordKey&) = delete;
  RecordKey& operator=(const RecordKey&) = delete;
  ~RecordKey();

  /// False for suites that are not known, and when memory is out.
  [[nodiscard]] bool start(std::uint16_t suite, std::span<const unsigned char> secret, Use use,
                           std::uint64_t records_before);
  /// The next generation: RFC 8446 section 7.2.
  [[nodiscard]] bool update();
  [[nodiscard]] std::uint64_t records() const noexcept { return sequence_; }
  /// Begins a record whose header is `header`.
  [[nodiscard]] bool begin(std::span<const unsigned char, 5> header);
  [[nodiscard]] evp_cipher_ctx_st* cipher() const noexcept { return cipher_.get(); }

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* c) const noexcept;
  };
  [[nodiscard]] bool derive();

  std::unique_ptr<evp_cipher_ctx_st, Free> cipher_;
  const evp_md_st* hash_ = nullptr;
  std::uint64_t sequence_ = 0;
  std::array<unsigned char, 12> iv_{};
  std::array<unsigned char, TrafficSecrets::kLongest> secret_{};
  std::uint8_t secret_size_ = 0;
  std::uint16_t suite_ = 0;
  Use use_ = Use::open;
};

/// Records of a TLS 1.3 server after its handshake, without the rest of a TLS library: bytes are
/// encrypted from where they lie into where they are sent from, and a connection costs two keys.
/// docs/adr/0013 says why. One worker.
class RecordLayer {
 public:
  static constexpr std::size_t kHeader = 5;
  static constexpr std::size_t kTag = 16;
  static constexpr std::size_t kOverhead = kHeader + 1 + kTag;
  static constexpr std::size_t kMaxPlain = 16 * 1024;
  static constexpr std::size_t kMaxCipher = kMaxPlain + 256;

  /// `sealed` records were sent under the server's secret already. Null as for RecordKey.
  [[nodiscard]] static std::unique_ptr<RecordLayer> make(std::uint16_t suite,
                                                         const TrafficSecrets& secrets,
                                                         std::uint64_t sealed);

  struct Found {
    enum class Kind : std::uint8_t { part, whole, bad };
    Kind kind = Kind::part;
    std::size_t size = 0;  ///< of a whole record, header included
    TlsAlert alert = TlsAlert::unexpected_message;
  };
  /// What lies at the front of received bytes.
  [[nodiscard]] static Found look(std::string_view bytes) noexcept;

  struct Opened {
    enum class Kind : std::uint8_t {
      data,     ///< `bytes` of them, perhaps none
      nothing,  ///< a message for the layer itself
      end,      ///< close_notify
      alert,    ///< the peer gives up
      bad       ///< answer `alert` and give up
    };
    Kind kind = Kind::bad;
    std::size_t bytes = 0;
    TlsAlert alert = TlsAlert::bad_record_mac;
  };
  /// Opens a whole record. Pre: `to` has room for its size less kHeader and kTag. What is written
  /// there counts for nothing unless `data` is returned.
  [[nodiscard]] Opened open(std::string_view record, std::span<std::byte> to);

  /// A record of `size` bytes, given in pieces: begin(), add() until they are all there, end().
  /// False or 0 when OpenSSL fails. Pre: `out` has room for size + kOverhead.
  [[nodiscard]] bool begin(std::size_t size, ContentType type, std::span<std::byte> out);
  [[nodiscard]] bool add(std::span<const std::byte> piece);
  [[nodiscard]] std::size_t end();
  /// A whole record at once.
  [[nodiscard]] std::size_t seal(std::span<const std::byte> piece, ContentType type,
                                 std::span<std::byte> out);

  /// Before the next record: whether a KeyUpdate has to go first, because the peer asked for one or
  /// this key has been used for long enough (RFC 8446 section 5.5).
  [[nodiscard]] bool key_update_due() const noexcept {
    return update_asked_ || write_.records() >= kRecordsPerKey;
  }
  /// That KeyUpdate; what follows is under the new key. 0 as for end().
  [[nodiscard]] std::size_t seal_key_update(std::span<std::byte> out);
  static constexpr std::size_t kKeyUpdateSize = 5;

 private:
  static constexpr std::uint64_t kRecordsPerKey = 1ULL << 23;
  static constexpr std::uint8_t kMaxIdle = 32;  ///< records in a row that bring no data

  [[nodiscard]] Opened read(std::string_view record, std::span<std::byte> to);
  [[nodiscard]] Opened take_message(std::span<const std::byte> inner, ContentType type);
  [[nodiscard]] Opened take_key_update(std::span<const std::byte> message);

  RecordKey read_;
  RecordKey write_;
  std::byte* at_ = nullptr;     ///< where the record that was begun goes on
  std::byte* begun_ = nullptr;  ///< and where it began
  ContentType type_ = ContentType::data;
  bool update_asked_ = false;
  std::uint8_t idle_ = 0;  ///< records since the last one with data
};

}  // namespace aralez
