#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "control/acme/acme_client.h"

namespace aralez {

/// When an authority wants a certificate of its own to be replaced (RFC 9773).
struct RenewalInfo {
  std::chrono::system_clock::time_point begin;
  std::chrono::system_clock::time_point end;
  std::string explanation;  ///< URL for people, or empty
  std::optional<std::chrono::seconds> retry_after;
};

/// Asks for the certificate that the authority knows as `id`. Pre: `client` is open, and its
/// authority tells such things.
[[nodiscard]] std::expected<RenewalInfo, AcmeError> ask_renewal_info(AcmeClient& client,
                                                                     const std::string& id);

/// RFC 3339: `2026-11-28T04:00:00Z`, with a fraction or an offset or without. Nothing: it is none.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(
    std::string_view text);

}  // namespace aralez
