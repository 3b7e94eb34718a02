#pragma once

#include <openssl/ssl.h>

#include "tls/openssl_ptr.h"
#include "tls/tls_grade.h"

namespace aralez {

using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<&SSL_CTX_free>>;

/// What a listener offers by ALPN, best first. An enum, because a context may outlive whoever made
/// it, and what it refers to must not end.
enum class AlpnOffer : std::uint8_t { http1, http2 };

struct ServerPolicy {
  TlsGrade grade = TlsGrade::medium;
  AlpnOffer alpn = AlpnOffer::http1;
};

/// A context without a certificate. Every one of a listener is made here, so that no name gets
/// another policy than the next (defect 16 of the original). Null when OpenSSL refuses.
[[nodiscard]] SslContextPtr make_server_context(const ServerPolicy& policy);

}  // namespace aralez
