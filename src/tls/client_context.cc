#include "tls/client_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "tls/openssl_ptr.h"

namespace aralez {
namespace {

/// Where an SSL object keeps the ClientSession it was opened with.
int session_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* const slot = static_cast<ClientSession*>(SSL_get_ex_data(ssl, session_index()));
  if (slot == nullptr) return 0;
  slot->keep(session);
  return 1;  // the reference is ours
}

/// Where an SSL object notes that the peer speaks TLS.
int spoke_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void note_progress(const SSL* ssl, int where, int) {
  const bool greeted = (where & SSL_CB_LOOP) != 0 && SSL_get_state(ssl) == TLS_ST_CR_SRVR_HELLO;
  if (!greeted && where != SSL_CB_READ_ALERT) return;
  static char seen = 1;
  SSL_set_ex_data(const_cast<SSL*>(ssl), spoke_index(), &seen);
}

constexpr std::size_t kMaxBundle = 16 * 1024 * 1024;  ///< those of systems have 0.2 MiB

std::string identity_of(const ClientPolicy& policy, const FileText& bundle) {
  if (!policy.verify) return "any";
  if (policy.ca_file.empty()) return "verify";
  return "verify " + policy.ca_file + ' ' + std::to_string(std::hash<std::string>{}(bundle.text));
}

/// Adds every certificate of a bundle. How many there were; an error that is not the end of the
/// text counts as none.
std::size_t add_certificates(const std::string& text, X509_STORE* store) {
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::size_t n = 0;
  while (const X509Ptr certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    ++n;
    if (store != nullptr) X509_STORE_add_cert(store, certificate.get());
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end ? n : 0;
}

bool is_address(std::string_view host) {
  const std::string text(host);
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

/// The names that a certificate may be for. Of several kinds OpenSSL wants all, so an address
/// counts only where there is no name.
void expect_names(SSL* ssl, std::span<const std::string> names) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool named = false;
  for (const std::string& name : names) {
    if (is_address(name)) continue;
    X509_VERIFY_PARAM_add1_host(wanted, name.data(), name.size());
    named = true;
  }
  for (const std::string& name : names)
    if (!named && is_address(name)) X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str());
}

std::span<const unsigned char> protocols(ClientHello::Alpn alpn) {
  static constexpr auto kAll = std::to_array<unsigned char>(
      {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1', 4, '\r', '\n', '\r', '\n'});
  const std::span all(kAll);
  switch (alpn) {
    case ClientHello::Alpn::http1: return all.subspan(3, 9);
    case ClientHello::Alpn::any: return all.first(12);
    case ClientHello::Alpn::probe: break;
  }
  return all;
}

}  // namespace

void ClientSession::keep(ssl_session_st* session) noexcept {
  SSL_SESSION_free(std::exchange(session_, session));
}

void ClientContext::Free::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

FileText read_ca_file(const std::string& path) {
  return read_text_file(path, kMaxBundle, FileRule::regular);
}

std::string check_ca_file(const std::string& path) {
  const FileText bundle = read_ca_file(path);
  if (bundle.status != FileText::Status::ok) return "cannot be read: " + bundle.reason;
  if (bundle.text.size() > kMaxBundle) return "is larger than 16 MiB; write a file of PEM";
  if (add_certificates(bundle.text, nullptr) == 0)
    return "holds no certificate, or a broken one; write a file of PEM certificates";
  return {};
}

std::shared_ptr<const ClientContext> ClientContext::make(const ClientPolicy& policy) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_info_callback(context.get(), note_progress);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  FileText bundle;
  if (policy.verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (policy.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else {
      bundle = read_ca_file(policy.ca_file);
      add_certificates(bundle.text, SSL_CTX_get_cert_store(context.get()));
    }
  }
  ERR_clear_error();
  return std::shared_ptr<const ClientContext>(
      new ClientContext(policy, std::move(context), identity_of(policy, bundle)));
}

bool ClientContext::up_to_date() const {
  if (!policy_.verify || policy_.ca_file.empty()) return true;
  return identity_of(policy_, read_ca_file(policy_.ca_file)) == identity_;
}

SslPtr ClientContext::open(const ClientHello& hello) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  if (!hello.server_name.empty() && !is_address(hello.server_name)) {
    std::string name(hello.server_name);  // SSL_set_tlsext_host_name, without its cast
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
  if (policy_.verify) expect_names(ssl.get(), hello.names);
  const auto alpn = protocols(hello.alpn);
  SSL_set_alpn_protos(ssl.get(), alpn.data(), static_cast<unsigned>(alpn.size()));
  if (hello.session != nullptr) {
    SSL_set_ex_data(ssl.get(), session_index(), hello.session);
    if (hello.session->get() != nullptr) SSL_set_session(ssl.get(), hello.session->get());
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

bool spoke_tls(ssl_st& ssl) noexcept {
  return SSL_get_ex_data(&ssl, spoke_index()) != nullptr;
}

std::string_view refused_certificate(ssl_st& ssl) noexcept {
  if (SSL_get_verify_mode(&ssl) == SSL_VERIFY_NONE) return {};
  const long verdict = SSL_get_verify_result(&ssl);
  return verdict == X509_V_OK ? std::string_view() : X509_verify_cert_error_string(verdict);
}

}  // namespace aralez
