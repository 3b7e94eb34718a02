#pragma once

#include <cstdint>

namespace aralez {

/// What clients may negotiate on a TLS listener (docs/user/tls.md).
enum class TlsGrade : std::uint8_t {
  high,    ///< TLS 1.2 with forward secrecy and AEAD, TLS 1.3
  medium,  ///< Mozilla's "intermediate"
  unsafe   ///< TLS 1.0 and whatever still negotiates
};

}  // namespace aralez
