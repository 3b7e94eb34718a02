#include "tls/record_layer.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl3.h>
#include <openssl/tls1.h>

#include <cassert>
#include <cstring>
#include <string>

namespace aralez {
namespace {

constexpr unsigned char kKeyUpdate = 24;
constexpr unsigned char kOpaque = 23;  // all records look like data from outside

struct Suite {
  const EVP_CIPHER* cipher = nullptr;
  const EVP_MD* hash = nullptr;
  std::size_t key = 0;
};

/// OpenSSL looks a cipher up by name whenever it is not told where it is, which costs a handshake
/// more than the keys do: looked up once, kept for the life of the process.
const EVP_CIPHER* found(const char* name) {
  return EVP_CIPHER_fetch(nullptr, name, nullptr);
}

Suite suite_of(std::uint16_t id) {
  static const Suite aes128{found("AES-128-GCM"), EVP_MD_fetch(nullptr, "SHA256", nullptr), 16};
  static const Suite aes256{found("AES-256-GCM"), EVP_MD_fetch(nullptr, "SHA384", nullptr), 32};
  static const Suite chacha{found("ChaCha20-Poly1305"), aes128.hash, 32};
  switch (id) {
    case TLS1_3_CK_AES_128_GCM_SHA256 & 0xffff: return aes128;
    case TLS1_3_CK_AES_256_GCM_SHA384 & 0xffff: return aes256;
    case TLS1_3_CK_CHACHA20_POLY1305_SHA256 & 0xffff: return chacha;
    default: return {};
  }
}

struct MacFree {
  void operator()(EVP_MAC_CTX* c) const noexcept { EVP_MAC_CTX_free(c); }
};
using MacPtr = std::unique_ptr<EVP_MAC_CTX, MacFree>;

/// An HMAC that knows its hash; null when memory is out.
MacPtr make_hmac(const EVP_MD* hash) {
  static EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  MacPtr mac(hmac ? EVP_MAC_CTX_new(hmac) : nullptr);
  std::string name = EVP_MD_get0_name(hash);
  const std::array<OSSL_PARAM, 2> params{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_end()};
  if (mac && EVP_MAC_CTX_set_params(mac.get(), params.data()) != 1) mac.reset();
  return mac;
}

/// The number of bytes written to `out`; 0 when OpenSSL fails. Keeps nothing of the key.
std::size_t hmac(const EVP_MD* hash, std::span<const unsigned char> key,
                 std::span<const unsigned char> data, std::span<unsigned char> out) {
  static constexpr std::array<unsigned char, 32> kNoKey{};
  thread_local MacPtr sha256;
  thread_local MacPtr sha384;
  MacPtr& mac = EVP_MD_get_size(hash) == 32 ? sha256 : sha384;
  if (!mac) mac = make_hmac(hash);
  std::size_t size = 0;
  const bool ok = mac && EVP_MAC_init(mac.get(), key.data(), key.size(), nullptr) == 1 &&
                  EVP_MAC_update(mac.get(), data.data(), data.size()) == 1 &&
                  EVP_MAC_final(mac.get(), out.data(), &size, out.size()) == 1 &&
                  EVP_MAC_init(mac.get(), kNoKey.data(), kNoKey.size(), nullptr) == 1;
  return ok ? size : 0;
}

/// HKDF-Expand-Label of RFC 8446 section 7.1 without a context, for no more than one hash.
bool expand_label(const EVP_MD* hash, std::span<const unsigned char> secret, std::string_view label,
                  std::span<unsigned char> out) {
  std::array<unsigned char, 40> info{};
  std::size_t n = 0;
  const auto put = [&](std::string_view text) {
    std::memcpy(info.data() + n, text.data(), text.size());
    n += text.size();
  };
  constexpr std::string_view kPrefix = "tls13 ";
  info[n++] = 0;
  info[n++] = static_cast<unsigned char>(out.size());
  info[n++] = static_cast<unsigned char>(kPrefix.size() + label.size());
  put(kPrefix);
  put(label);
  info[n++] = 0;  // length of the context
  info[n++] = 1;  // the first block of HKDF-Expand
  std::array<unsigned char, EVP_MAX_MD_SIZE> block{};
  const bool ok = hmac(hash, secret, std::span(info).first(n), block) >= out.size();
  if (ok) std::memcpy(out.data(), block.data(), out.size());
  OPENSSL_cleanse(block.data(), block.size());
  return ok;
}

const unsigned char* raw(const std::byte* p) {
  return reinterpret_cast<const unsigned char*>(p);
}
unsigned char* raw(std::byte* p) {
  return reinterpret_cast<unsigned char*>(p);
}

std::size_t length_in(std::string_view header) noexcept {
  return static_cast<std::size_t>(static_cast<unsigned char>(header[3])) << 8 |
         static_cast<unsigned char>(header[4]);
}

}  // namespace

TrafficSecrets::~TrafficSecrets() {
  OPENSSL_cleanse(client.data(), client.size());
  OPENSSL_cleanse(server.data(), server.size());
}

void RecordKey::Free::operator()(evp_cipher_ctx_st* c) const noexcept {
  EVP_CIPHER_CTX_free(c);
}

RecordKey::~RecordKey() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(iv_.data(), iv_.size());
}

bool RecordKey::start(std::uint16_t suite, std::span<const unsigned char> secret, Use use,
                      std::uint64_t records_before) {
  suite_ = suite;
  use_ = use;
  const Suite s = suite_of(suite);
  hash_ = s.hash;
  if (!s.cipher || !s.hash || secret.size() != static_cast<std::size_t>(EVP_MD_get_size(s.hash)))
    return false;
  std::memcpy(secret_.data(), secret.data(), secret.size());
  secret_size_ = static_cast<std::uint8_t>(secret.size());
  cipher_.reset(EVP_CIPHER_CTX_new());
  if (!cipher_ || !derive()) return false;
  sequence_ = records_before;
  return true;
}

bool RecordKey::derive() {
  const Suite s = suite_of(suite_);
  const std::span<const unsigned char> secret(secret_.data(), secret_size_);
  std::array<unsigned char, 32> key{};
  const bool ok = expand_label(s.hash, secret, "key", std::span(key).first(s.key)) &&
                  expand_label(s.hash, secret, "iv", iv_) &&
                  EVP_CipherInit_ex(cipher_.get(), s.cipher, nullptr, key.data(), nullptr,
                                    use_ == Use::seal ? 1 : 0) == 1;
  OPENSSL_cleanse(key.data(), key.size());
  sequence_ = 0;
  return ok;
}

bool RecordKey::update() {
  std::array<unsigned char, TrafficSecrets::kLongest> next{};
  const auto out = std::span(next).first(secret_size_);
  if (!expand_label(hash_, {secret_.data(), secret_size_}, "traffic upd", out)) return false;
  secret_ = next;
  OPENSSL_cleanse(next.data(), next.size());
  return derive();
}

bool RecordKey::begin(std::span<const unsigned char, 5> header) {
  std::array<unsigned char, 12> nonce = iv_;
  const std::uint64_t n = sequence_++;
  for (int i = 0; i < 8; ++i)
    nonce[static_cast<std::size_t>(11 - i)] ^= static_cast<unsigned char>(n >> 8 * i);
  int size = 0;
  return EVP_CipherInit_ex(cipher_.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
         EVP_CipherUpdate(cipher_.get(), nullptr, &size, header.data(),
                          static_cast<int>(header.size())) == 1;
}

std::unique_ptr<RecordLayer> RecordLayer::make(std::uint16_t suite, const TrafficSecrets& secrets,
                                               std::uint64_t sealed) {
  auto layer = std::make_unique<RecordLayer>();
  const bool ok = layer->read_.start(suite, {secrets.client.data(), secrets.client_size},
                                     RecordKey::Use::open, 0) &&
                  layer->write_.start(suite, {secrets.server.data(), secrets.server_size},
                                      RecordKey::Use::seal, sealed);
  return ok ? std::move(layer) : nullptr;
}

RecordLayer::Found RecordLayer::look(std::string_view bytes) noexcept {
  using Kind = Found::Kind;
  if (bytes.empty()) return {};
  if (static_cast<unsigned char>(bytes[0]) != kOpaque) return {.kind = Kind::bad};
  if (bytes.size() < kHeader) return {};
  const std::size_t length = length_in(bytes);
  if (length > kMaxCipher) return {.kind = Kind::bad, .alert = TlsAlert::record_overflow};
  if (length < kTag + 1) return {.kind = Kind::bad, .alert = TlsAlert::bad_record_mac};
  if (bytes.size() < kHeader + length) return {};
  return {.kind = Kind::whole, .size = kHeader + length};
}

/// Records without data cost us and bring nothing, so there may be only so many in a row.
RecordLayer::Opened RecordLayer::open(std::string_view record, std::span<std::byte> to) {
  const Opened got = read(record, to);
  const bool data = got.kind == Opened::Kind::data && got.bytes > 0;
  idle_ = data ? std::uint8_t{0} : static_cast<std::uint8_t>(idle_ + 1);
  if (idle_ > kMaxIdle) return {.kind = Opened::Kind::bad, .alert = TlsAlert::unexpected_message};
  return got;
}

RecordLayer::Opened RecordLayer::read(std::string_view record, std::span<std::byte> to) {
  std::array<unsigned char, kHeader> header{};
  std::memcpy(header.data(), record.data(), kHeader);
  const std::size_t inner = record.size() - kHeader - kTag;
  assert(to.size() >= inner);
  const auto* from = reinterpret_cast<const unsigned char*>(record.data()) + kHeader;
  std::array<unsigned char, kTag> tag{};
  std::memcpy(tag.data(), from + inner, kTag);
  int size = 0;
  int rest = 0;
  EVP_CIPHER_CTX* c = read_.cipher();
  if (!read_.begin(header) ||
      EVP_DecryptUpdate(c, raw(to.data()), &size, from, static_cast<int>(inner)) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTag), tag.data()) != 1 ||
      EVP_DecryptFinal_ex(c, raw(to.data()) + size, &rest) != 1)
    return {.kind = Opened::Kind::bad, .alert = TlsAlert::bad_record_mac};
  // Behind the content stand its type and zeros: RFC 8446 section 5.4.
  if (inner > kMaxPlain + 1) return {.kind = Opened::Kind::bad, .alert = TlsAlert::record_overflow};
  std::size_t n = inner;
  while (n > 0 && to[n - 1] == std::byte{0}) --n;
  if (n == 0) return {.kind = Opened::Kind::bad, .alert = TlsAlert::unexpected_message};
  const auto type = static_cast<ContentType>(to[--n]);
  if (type != ContentType::data) return take_message(to.first(n), type);
  return {.kind = Opened::Kind::data, .bytes = n};
}

RecordLayer::Opened RecordLayer::take_message(std::span<const std::byte> inner, ContentType type) {
  constexpr std::byte kUserCanceled{90};
  if (type == ContentType::alert && inner.size() == 2) {
    if (inner[1] == std::byte{0}) return {.kind = Opened::Kind::end};
    return {.kind = inner[1] == kUserCanceled ? Opened::Kind::nothing : Opened::Kind::alert};
  }
  if (type == ContentType::handshake) return take_key_update(inner);
  return {.kind = Opened::Kind::bad, .alert = TlsAlert::unexpected_message};
}

/// The only message that a client may send after the handshake (RFC 8446 section 4.6.3). It has to
/// end its record, and nobody cuts five bytes in two.
RecordLayer::Opened RecordLayer::take_key_update(std::span<const std::byte> message) {
  constexpr std::array<std::byte, 4> kHead{std::byte{kKeyUpdate}, std::byte{0}, std::byte{0},
                                           std::byte{1}};
  if (message.size() != kKeyUpdateSize ||
      std::memcmp(message.data(), kHead.data(), kHead.size()) != 0 ||
      std::to_integer<int>(message[4]) > 1)
    return {.kind = Opened::Kind::bad, .alert = TlsAlert::unexpected_message};
  if (!read_.update()) return {.kind = Opened::Kind::bad, .alert = TlsAlert::internal_error};
  // However often it asks, one answer goes out, and only with what is sent next.
  if (message[4] == std::byte{1}) update_asked_ = true;
  return {.kind = Opened::Kind::nothing};
}

bool RecordLayer::begin(std::size_t size, ContentType type, std::span<std::byte> out) {
  assert(size <= kMaxPlain && out.size() >= size + kOverhead);
  const std::size_t length = size + 1 + kTag;
  const std::array<unsigned char, kHeader> header{
      kOpaque, 3, 3, static_cast<unsigned char>(length >> 8), static_cast<unsigned char>(length)};
  std::memcpy(out.data(), header.data(), kHeader);
  begun_ = out.data();
  at_ = begun_ + kHeader;
  type_ = type;
  return write_.begin(header);
}

bool RecordLayer::add(std::span<const std::byte> piece) {
  int size = 0;
  if (EVP_EncryptUpdate(write_.cipher(), raw(at_), &size, raw(piece.data()),
                        static_cast<int>(piece.size())) != 1)
    return false;
  at_ += size;
  return true;
}

std::size_t RecordLayer::end() {
  const std::array<std::byte, 1> type{static_cast<std::byte>(type_)};
  int rest = 0;
  EVP_CIPHER_CTX* c = write_.cipher();
  if (!add(type) || EVP_EncryptFinal_ex(c, raw(at_), &rest) != 1) return 0;
  if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTag), at_) != 1) return 0;
  at_ += kTag;
  return static_cast<std::size_t>(at_ - begun_);
}

std::size_t RecordLayer::seal(std::span<const std::byte> piece, ContentType type,
                              std::span<std::byte> out) {
  return begin(piece.size(), type, out) && add(piece) ? end() : 0;
}

std::size_t RecordLayer::seal_key_update(std::span<std::byte> out) {
  constexpr std::array<std::byte, kKeyUpdateSize> kMessage{
      std::byte{kKeyUpdate}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0}};
  const std::size_t n = seal(kMessage, ContentType::handshake, out);
  if (n == 0 || !write_.update()) return 0;
  update_asked_ = false;
  return n;
}

}  // namespace aralez
