#pragma once

#include <optional>

#include "http/request_context.h"

namespace aralez {

/// Why the credentials of a request do not let it in.
struct AuthRefusal {
  Reason reason = Reason::auth_wrong;
  std::string_view challenge;  ///< value of WWW-Authenticate (RFC 9110 section 11.6.1)
  std::string_view why = {};   ///< static text, for the log
};
/// Answers 401.
Verdict refuse_credentials(RequestContext& request, Reply& reply, const AuthRefusal& refusal);
/// Answers 503: whether the credentials are good cannot be told now.
Verdict refuse_for_now(RequestContext& request, Reply& reply, Reason reason, std::string_view why);

/// A field that must not come twice.
struct SingleField {
  enum class State : std::uint8_t { absent, present, repeated };
  State state = State::absent;
  std::string_view value;
};
[[nodiscard]] SingleField single_field(const Fields& fields, FieldId id) noexcept;

/// What stands behind the scheme in an Authorization field (RFC 9110 section 11.6.2), or nothing if
/// it names another one. `scheme` is lower case.
[[nodiscard]] std::optional<std::string_view> credentials_of(std::string_view authorization,
                                                             std::string_view scheme) noexcept;

}  // namespace aralez
