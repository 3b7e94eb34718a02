#pragma once

#include "tls/certificate_pair.h"

namespace aralez {

/// A certificate that nobody trusts, in memory only: P-256, for `localhost`, good for a year from
/// `now`. So that a listener works before anyone has written a certificate. Null when memory is
/// out.
[[nodiscard]] CertificatePairPtr make_self_signed(std::time_t now);

}  // namespace aralez
