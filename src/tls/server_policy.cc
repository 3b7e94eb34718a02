#include "tls/server_policy.h"

#include <openssl/err.h>

#include <array>
#include <string_view>

#include "tls/ticket_keys.h"

namespace aralez {
namespace {

constexpr const char* kSuites13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/// Forward secrecy and AEAD only. AES-128 stands last, but has to be there: RFC 9113 section 9.2.2.
constexpr const char* kHigh =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=2";

/// Mozilla's "intermediate", version 5.7.
constexpr const char* kMedium =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305:@SECLEVEL=2";

/// What authenticates the server and encrypts, however weakly.
constexpr const char* kUnsafe = "ALL:!aNULL:!eNULL:@SECLEVEL=0";

/// Key exchanges, best first; the hybrid of ML-KEM only where the OpenSSL at hand has it (3.5). The
/// slash makes it worth a round trip to a client that has it and sent the share of another.
bool set_groups(SSL_CTX& context, TlsGrade grade) {
  const bool wide = grade == TlsGrade::unsafe;
  for (const char* list :
       {wide ? "X25519MLKEM768/X25519:P-256:X448:P-384:P-521" : "X25519MLKEM768/X25519:P-256:P-384",
        wide ? "X25519:P-256:X448:P-384:P-521" : "X25519:P-256:P-384"})
    if (SSL_CTX_set1_groups_list(&context, list) == 1) return true;
  return false;
}

const char* ciphers_of(TlsGrade grade) {
  switch (grade) {
    case TlsGrade::high: return kHigh;
    case TlsGrade::medium: return kMedium;
    case TlsGrade::unsafe: return kUnsafe;
  }
  return kHigh;
}

template <std::string_view const& Offered>
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size,
                    const unsigned char* asked, unsigned asked_size, void*) {
  const auto* ours = reinterpret_cast<const unsigned char*>(Offered.data());
  unsigned char* chosen = nullptr;
  const int r = SSL_select_next_proto(&chosen, size, ours, static_cast<unsigned>(Offered.size()),
                                      asked, asked_size);
  *out = chosen;
  // Without overlap the extension is ignored (behaviour section 10.4).
  return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

constexpr std::string_view kHttp1 = "\x08http/1.1";
constexpr std::string_view kHttp2 =
    "\x02h2"
    "\x08http/1.1";

}  // namespace

SslContextPtr make_server_context(const ServerPolicy& policy) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return nullptr;
  SSL_CTX& c = *context;
  const bool wide = policy.grade == TlsGrade::unsafe;
  const bool ok = SSL_CTX_set_min_proto_version(&c, wide ? TLS1_VERSION : TLS1_2_VERSION) == 1 &&
                  SSL_CTX_set_max_proto_version(&c, 0) == 1 &&
                  SSL_CTX_set_cipher_list(&c, ciphers_of(policy.grade)) == 1 &&
                  SSL_CTX_set_ciphersuites(&c, kSuites13) == 1 && set_groups(c, policy.grade);
  ERR_clear_error();
  if (!ok) return nullptr;
  SSL_CTX_set_options(&c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (policy.grade != TlsGrade::high) SSL_CTX_set_dh_auto(&c, 1);
  // Resumption needs no memory here: the state is in the ticket, whose keys all workers have.
  SSL_CTX_set_session_cache_mode(&c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&c, 1);
  SSL_CTX_set_timeout(&c, std::chrono::seconds(TicketKeys::kPeriod).count());
  SSL_CTX_set_alpn_select_cb(
      &c, policy.alpn == AlpnOffer::http2 ? &choose_protocol<kHttp2> : &choose_protocol<kHttp1>,
      nullptr);
  return context;
}

}  // namespace aralez
