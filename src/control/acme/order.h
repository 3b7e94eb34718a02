#pragma once

#include <expected>
#include <string>

#include "control/acme/acme_client.h"
#include "route/challenge_table.h"
#include "tls/issued_chain.h"

namespace aralez {

struct OrderedCertificate {
  IssuedChain chain;
  SigningKey key;
};

/// Orders a certificate for `host` with a new key, and meets the challenge by `challenges` (RFC
/// 8555 sections 7.4 and 8.3). Takes as long as the authority does, a quarter of an hour at most.
/// Pre: `client` is open, `account` registered. `replaces` is the id of the certificate that it
/// takes the place of, where the authority knows that one; else empty (RFC 9773 section 5).
[[nodiscard]] std::expected<OrderedCertificate, AcmeError> order_certificate(
    AcmeClient& client, const AcmeAccount& account, const std::string& host,
    ChallengeTable& challenges, const std::string& replaces);

}  // namespace aralez
