#pragma once

#include <algorithm>
#include <chrono>

#include "base/backoff.h"
#include "tls/issued_chain.h"

namespace aralez {

/// How often a certificate is looked at that needs nothing.
inline constexpr std::chrono::seconds kRenewalPeriod{12 * 3600};
inline constexpr std::chrono::seconds kLeastPeriod{60};

/// From when on another certificate is ordered: 30 days before the end, or with a third of its life
/// left where it lives for less than 90 days.
[[nodiscard]] inline std::chrono::system_clock::time_point renewal_time(
    const CertificateLife& life) {
  constexpr std::time_t kMostLeft = 30 * 24 * 3600;
  constexpr std::time_t kLastDay = 7'258'118'400;  // 2200; a certificate may say anything
  const std::time_t ends = std::clamp<std::time_t>(life.ends, 0, kLastDay);
  const std::time_t third =
      std::max<std::time_t>(0, ends - std::max<std::time_t>(0, life.begins)) / 3;
  return std::chrono::system_clock::from_time_t(ends - std::min(kMostLeft, third));
}

/// When to look again at a certificate that is renewed in `left`.
[[nodiscard]] inline std::chrono::seconds next_look(std::chrono::system_clock::duration left) {
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(left), kLeastPeriod, kRenewalPeriod);
}

/// How long to wait after `failures` in a row, at least one. Authorities bear few failures per hour
/// and name: Let's Encrypt five.
[[nodiscard]] inline std::chrono::seconds retry_pause(unsigned failures) {
  return backoff(failures, std::chrono::seconds{300}, kRenewalPeriod);
}

}  // namespace aralez
