#include "tls/tls_bio.h"

#include <algorithm>
#include <cstring>

#include "tls/tls_transport.h"

namespace aralez {

BioPtr TlsBio::make(TlsTransport& transport) {
  BioPtr bio(BIO_new(method()));
  if (!bio) return nullptr;
  BIO_set_data(bio.get(), &transport);
  BIO_set_init(bio.get(), 1);
  return bio;
}

int TlsBio::type() {
  static const int made = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
  return made;
}

TlsTransport* TlsBio::owner_of(const ssl_st& ssl) {
  BIO* bio = SSL_get_rbio(&ssl);
  if (!bio || BIO_method_type(bio) != type()) return nullptr;
  return static_cast<TlsTransport*>(BIO_get_data(bio));
}

/// Made once and never changed: OpenSSL wants it to outlive every BIO.
const BIO_METHOD* TlsBio::method() {
  static const std::unique_ptr<BIO_METHOD, OpensslFree<&BIO_meth_free>> made = [] {
    std::unique_ptr<BIO_METHOD, OpensslFree<&BIO_meth_free>> m(
        BIO_meth_new(type(), "aralez transport"));
    BIO_meth_set_read(m.get(), &TlsBio::read);
    BIO_meth_set_write(m.get(), &TlsBio::write);
    BIO_meth_set_ctrl(m.get(), &TlsBio::ctrl);
    return m;
  }();
  return made.get();
}

int TlsBio::read(BIO* bio, char* to, int size) {
  auto& t = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t n = std::min(static_cast<std::size_t>(size), t.cipher_in_.size());
  if (n > 0) {
    std::memcpy(to, t.cipher_in_.text().data(), n);
    t.cipher_in_.consume(n);
    return static_cast<int>(n);
  }
  if (t.lower_ended_) return 0;
  BIO_set_retry_read(bio);
  return -1;
}

/// Takes everything: how much there is to take is bounded by TlsTransport.
int TlsBio::write(BIO* bio, const char* from, int size) {
  auto& t = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto n = static_cast<std::size_t>(size);
  if (t.goodbye_) {
    if (t.goodbye_->size() < n) return -1;
    std::memcpy(t.goodbye_->data(), from, n);
    *t.goodbye_ = t.goodbye_->subspan(n);
    return size;
  }
  t.count_records({from, n});
  if (!t.keep_ticket({from, n})) t.lower_.queue_copy({from, n});
  return size;
}

long TlsBio::ctrl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return static_cast<TlsTransport*>(BIO_get_data(bio))->lower_ended_ ? 1 : 0;
    default: return 0;
  }
}

}  // namespace aralez
