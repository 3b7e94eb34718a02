#include "tls/server_tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/limits.h"
#include "tls/server_contexts.h"

namespace aralez {
namespace {

/// The host name of a server_name extension, RFC 6066 section 3; empty when there is none or it is
/// malformed, which OpenSSL refuses a moment later.
std::string_view server_name_of(SSL& ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(&ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  constexpr std::size_t kBefore = 5;  // length of the list, type, length of the name
  if (size < kBefore || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
  if (length > size - kBefore) return {};
  return {reinterpret_cast<const char*>(data) + kBefore, length};
}

bool set_mac_key(EVP_MAC_CTX& mac, const TicketKeys::Key& key) {
  std::array<unsigned char, 32> bytes = key.mac;
  std::string digest = "sha256";
  const std::array<OSSL_PARAM, 3> params{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes.data(), bytes.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(&mac, params.data()) == 1;
}

}  // namespace

ServerTls::ServerTls(Loop& loop, const TicketSeed& seed) : loop_(loop), tickets_(seed) {}
ServerTls::~ServerTls() = default;

void ServerTls::adopt(std::shared_ptr<const ServerContexts> contexts) {
  contexts_ = std::move(contexts);
}

std::optional<ServerHandshake> ServerTls::accept() {
  if (!contexts_ || handshakes_ >= Limits::kMaxHandshakes) return std::nullopt;
  ERR_clear_error();
  SslPtr ssl(SSL_new(&contexts_->fallback()));
  if (!ssl || SSL_set_ex_data(ssl.get(), slot(), this) != 1) return std::nullopt;
  SSL_set_accept_state(ssl.get());
  return ServerHandshake{std::move(ssl), HandshakeSlot(handshakes_)};
}

int ServerTls::slot() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

ServerTls& ServerTls::of(const ssl_st& ssl) {
  return *static_cast<ServerTls*>(SSL_get_ex_data(&ssl, slot()));
}

void ServerTls::install(ssl_ctx_st& context) {
  SSL_CTX_set_client_hello_cb(&context, &on_client_hello, nullptr);
  SSL_CTX_callback_ctrl(&context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&on_server_name));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, &on_ticket);
  TlsTransport::hand_over_secrets(context);
}

/// Before OpenSSL looks at a ticket: it must already know whose ticket it has to be.
int ServerTls::on_client_hello(ssl_st* ssl, int* alert, void*) {
  SSL_CTX& context = of(*ssl).contexts_->select(server_name_of(*ssl));
  if (&context == SSL_get_SSL_CTX(ssl) || SSL_set_SSL_CTX(ssl, &context))
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

/// OpenSSL keeps the name only when someone says that it was understood.
int ServerTls::on_server_name(ssl_st*, int*, void*) {
  return SSL_TLSEXT_ERR_OK;
}

int ServerTls::on_ticket(ssl_st* ssl, unsigned char* name, unsigned char* iv,
                         evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac, int encrypt) {
  constexpr int kFailed = -1;
  constexpr int kUnknown = 0;
  constexpr int kDone = 1;
  constexpr int kRenew = 2;
  ServerTls& self = of(*ssl);
  const TimePoint now = self.loop_.now();
  if (encrypt == 1) {
    const TicketKeys::Key& key = self.tickets_.current(now);
    std::ranges::copy(key.name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return kFailed;
    const bool ok = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv);
    return ok && set_mac_key(*mac, key) ? kDone : kFailed;
  }
  const auto found = self.tickets_.find({name, TicketKeys::kNameSize}, now);
  if (!found.key) return kUnknown;
  if (!set_mac_key(*mac, *found.key) ||
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found.key->cipher.data(), iv) != 1)
    return kFailed;
  return found.age == TicketKeys::Age::current ? kDone : kRenew;
}

}  // namespace aralez
