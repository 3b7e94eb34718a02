// The part of TlsTransport that makes records itself, without OpenSSL's connection.

#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>

#include "tls/tls_bio.h"
#include "tls/tls_transport.h"

namespace aralez {
namespace {

/// Bytes written in hexadecimal; 0 when there are more than `out` holds, or other characters.
std::uint8_t from_hex(std::string_view text, std::span<unsigned char> out) {
  if (text.size() % 2 != 0 || text.size() / 2 > out.size()) return 0;
  for (std::size_t i = 0; i < text.size() / 2; ++i) {
    const char* at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, out[i], 16).ptr != at + 2) return 0;
  }
  return static_cast<std::uint8_t>(text.size() / 2);
}

}  // namespace

void TlsTransport::hand_over_secrets(ssl_ctx_st& context) {
  SSL_CTX_set_keylog_callback(&context, &on_secret);
}

void TlsTransport::on_secret(const ssl_st* ssl, const char* line) {
  TlsTransport* transport = TlsBio::owner_of(*ssl);
  if (transport && transport->peer_ == Origin::downstream) transport->keep_secret(line);
}

/// `LABEL random secret`, as key logs have it.
void TlsTransport::keep_secret(std::string_view line) {
  const bool client = line.starts_with("CLIENT_TRAFFIC_SECRET_0 ");
  if (!client && !line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
  if (!secrets_) secrets_ = std::make_unique<TrafficSecrets>();
  const std::string_view text = line.substr(line.rfind(' ') + 1);
  if (client)
    secrets_->client_size = from_hex(text, secrets_->client);
  else
    secrets_->server_size = from_hex(text, secrets_->server);
}

/// The last step of a server's handshake writes tickets and nothing else: each of its records is
/// one under the new key.
void TlsTransport::count_records(std::string_view written) {
  if (state_ != State::handshaking) return;
  while (!written.empty()) {
    if (flight_.left > 0) {
      const auto n = std::min<std::size_t>(flight_.left, written.size());
      flight_.left -= static_cast<std::uint32_t>(n);
      written.remove_prefix(n);
      continue;
    }
    flight_.header[flight_.header_size++] = written.front();
    written.remove_prefix(1);
    if (flight_.header_size < flight_.header.size()) continue;
    flight_.header_size = 0;
    flight_.left = static_cast<std::uint32_t>(static_cast<unsigned char>(flight_.header[3])) << 8 |
                   static_cast<unsigned char>(flight_.header[4]);
    ++flight_.records;
  }
}

bool TlsTransport::keep_ticket(std::string_view written) {
  if (state_ != State::handshaking || !secrets_ ||
      SSL_get_state(ssl_.get()) != TLS_ST_SW_SESSION_TICKET)
    return false;
  ticket_.append(written);
  return true;
}

void TlsTransport::send_ticket() {
  if (ticket_.empty()) return;
  timer_.cancel();
  lower_.queue_copy(ticket_);
  ticket_ = {};
}

void TlsTransport::note_facts() {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  facts_.alpn.assign(reinterpret_cast<const char*>(protocol), size);
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name))
    facts_.server_name = name;
  facts_.version = SSL_get_version(ssl_.get());
  facts_.resumed = SSL_session_reused(ssl_.get()) == 1;
  X509* own = peer_ == Origin::downstream ? SSL_get_certificate(ssl_.get()) : nullptr;
  if (own && X509_up_ref(own) == 1) facts_.own.reset(own);
}

void TlsTransport::part_with_openssl() {
  const auto secrets = std::move(secrets_);
  const bool clean =
      flight_.left == 0 && flight_.header_size == 0 && SSL_has_pending(ssl_.get()) == 0;
  if (!secrets || !clean || SSL_version(ssl_.get()) != TLS1_3_VERSION) return;
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  if (!cipher) return;
  records_ = RecordLayer::make(SSL_CIPHER_get_protocol_id(cipher), *secrets, flight_.records);
  if (records_) ssl_.reset();
}

/// take_records(), by ourselves.
void TlsTransport::open_records() {
  using Kind = RecordLayer::Opened::Kind;
  ReadBuffer& in = events_->recv_buffer();
  const std::size_t before = in.size();
  RecordLayer::Opened got{.kind = Kind::nothing};
  for (bool more = true; more;) {
    const auto found = RecordLayer::look(cipher_in_.text());
    if (found.kind == RecordLayer::Found::Kind::part) break;
    if (found.kind == RecordLayer::Found::Kind::bad) {
      got = {.kind = Kind::bad, .alert = found.alert};
      break;
    }
    const std::size_t inner = found.size - RecordLayer::kHeader - RecordLayer::kTag;
    const auto room = in.space(loop().blocks(), std::max<std::size_t>(inner, 1024));
    got = records_->open(cipher_in_.text().substr(0, found.size), room);
    cipher_in_.consume(found.size);
    if (got.kind == Kind::data) in.commit(got.bytes);
    more = (got.kind == Kind::data && room.size() - got.bytes >= kRoomForMore) ||
           got.kind == Kind::nothing;
  }
  if (got.kind == Kind::end) rx_ = Rx::ending;
  if (in.size() > before)
    events_->on_received();
  else
    in.release_if_unused();
  if (state_ != State::open) return;
  if (got.kind == Kind::alert) fail({Errc::reset, peer_, "TLS connection given up by the peer"});
  if (got.kind != Kind::bad) return;
  put_alert(2, got.alert);
  fail({Errc::protocol, peer_, "malformed TLS record"});
}

bool TlsTransport::front_in_memory() const {
  std::uint64_t n = 0;
  for (std::size_t k = 0; k < out_.count() && n < kMaxRecord; n += out_[k++].size())
    if (out_[k].kind() != Piece::Kind::memory) return false;
  return true;
}

/// Encrypts the front of the queue from where it lies to where it is sent from.
std::size_t TlsTransport::seal_record(BlockRef& scratch) {
  if (records_->key_update_due() && !send_key_update()) return 0;
  std::span<const std::byte> whole;
  if (!out_.empty()) {
    seal_tail();
    if (!front_in_memory()) {
      whole = gather(scratch);
      if (whole.empty()) {
        fail(kFileCut);
        return 0;
      }
    }
  }
  const std::size_t n =
      whole.empty() ? static_cast<std::size_t>(std::min<std::uint64_t>(plain_bytes_, kMaxRecord))
                    : whole.size();
  const auto out = lower_.output_space(n + RecordLayer::kOverhead);
  const bool begun = records_->begin(n, ContentType::data, out);
  const bool ok = begun && (whole.empty() ? seal_pieces(n) : records_->add(whole));
  const std::size_t size = ok ? records_->end() : 0;
  if (size == 0) {
    fail({Errc::system, Origin::internal, "encryption failed"});
    return 0;
  }
  lower_.commit_output(size);
  return n;
}

bool TlsTransport::seal_pieces(std::size_t n) {
  if (out_.empty()) return records_->add(tail_.bytes().subspan(tail_begin_, n));
  for (std::size_t k = 0; n > 0; ++k) {
    const auto bytes = out_[k].slice().bytes();
    const std::size_t part = std::min(n, bytes.size());
    if (!records_->add(bytes.first(part))) return false;
    n -= part;
  }
  return true;
}

bool TlsTransport::send_key_update() {
  const auto out = lower_.output_space(RecordLayer::kKeyUpdateSize + RecordLayer::kOverhead);
  const std::size_t n = records_->seal_key_update(out);
  if (n > 0) {
    lower_.commit_output(n);
    return true;
  }
  fail({Errc::system, Origin::internal, "no new TLS key"});
  return false;
}

void TlsTransport::put_alert(std::uint8_t level, TlsAlert alert) {
  if (!goodbye_) send_ticket();
  const std::array<std::byte, 2> message{static_cast<std::byte>(level),
                                         static_cast<std::byte>(alert)};
  if (goodbye_) {
    *goodbye_ = goodbye_->subspan(records_->seal(message, ContentType::alert, *goodbye_));
    return;
  }
  const auto out = lower_.output_space(message.size() + RecordLayer::kOverhead);
  lower_.commit_output(records_->seal(message, ContentType::alert, out));
}

}  // namespace aralez
