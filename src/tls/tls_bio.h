#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "tls/openssl_ptr.h"

namespace aralez {

class TlsTransport;

/// OpenSSL's reads and writes, straight from and to the buffers of a TlsTransport.
class TlsBio {
 public:
  /// Whose connection this is; null when its bytes go elsewhere.
  [[nodiscard]] static TlsTransport* owner_of(const ssl_st& ssl);
  /// For both directions of `transport`, which outlives it. Null when memory is out.
  [[nodiscard]] static BioPtr make(TlsTransport& transport);

 private:
  [[nodiscard]] static int type();
  [[nodiscard]] static const BIO_METHOD* method();
  static int read(BIO* bio, char* to, int size);
  static int write(BIO* bio, const char* from, int size);
  static long ctrl(BIO* bio, int command, long number, void* pointer);
};

}  // namespace aralez
