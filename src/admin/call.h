#pragma once

#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace aralez {

/// What may be asked of the API (behaviour section 12).
enum class Call : std::uint8_t {
  page,
  conf,
  jwt,
  metrics,
  status,
  acme_create,
  acme_order,
  acme_challenge,
  none,  ///< no such path
};

struct MatchedCall {
  Call call = Call::none;
  std::string_view rest = {};   ///< of acme_order and acme_challenge: what is behind the prefix
  std::string_view allow = {};  ///< the methods it has, when that of the request is none of them
};

/// Paths are compared byte for byte, without decoding: what is spelled otherwise is another path.
/// `target` as in Head.
[[nodiscard]] MatchedCall match_call(Method method, std::string_view target) noexcept;

}  // namespace aralez
