#pragma once

#include <expected>
#include <string>

#include "control/acme/acme_client.h"

namespace aralez {

/// The URL of the account of that key, which is made unless there is one (RFC 8555 section 7.3).
/// The terms of the authority are agreed to. Pre: `client` is open, `account` has no URL.
[[nodiscard]] std::expected<std::string, AcmeError> register_account(AcmeClient& client,
                                                                     const AcmeConfig& ca,
                                                                     const AcmeAccount& account);

}  // namespace aralez
