#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace aralez {

enum class AuthType : std::uint8_t { basic, apikey, jwt, forward };
[[nodiscard]] std::string_view to_string(AuthType type) noexcept;

/// What the one entry of a `jwt` block is, by its content (behaviour section 21).
enum class JwtKey : std::uint8_t {
  secret,  ///< of HS256; also when there is no entry
  keys,    ///< PEM texts or a JSON Web Key Set, written out
  file,    ///< path of such
  url      ///< https URL of a JSON Web Key Set
};

/// An `authorization` block (behaviour sections 2.3, 8 and 21).
struct AuthConfig {
  AuthType type = AuthType::basic;
  /// Secret. basic: `user:password` or `user:hash`, any one lets in; apikey: keys, any one lets in;
  /// forward: one URL; jwt: at most one key, none means the process-wide key.
  std::vector<std::string> data;
  JwtKey jwt_key = JwtKey::secret;
  std::string issuer;                ///< jwt only; empty: any
  std::string audience;              ///< jwt only; empty: none
  std::vector<std::string> headers;  ///< forward only: fields the server sets; empty: by prefix
  std::optional<std::chrono::milliseconds> timeout;  ///< forward only
  Source source;
};

/// Every mistake is reported; nullopt if the block cannot be used. An `authorization` that fails to
/// parse is always an error, so a route is never served without the protection its block asked for.
[[nodiscard]] std::optional<AuthConfig> parse_auth(const Node& node, Diagnostics& diagnostics);

}  // namespace aralez
