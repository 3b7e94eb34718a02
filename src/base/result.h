#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace aralez {

/// What kind of thing went wrong. Names end up in logs and metric labels through `to_string`.
enum class Errc : std::uint8_t {
  eof,
  reset,
  timeout,
  protocol,
  refused,
  unresolved,  ///< a name without an address
  limit,
  config,
  system,
  // Of greetings, before anything of a request is sent.
  mismatch,    ///< the peer speaks another protocol
  silent,      ///< the peer did not answer in the time it had for that
  tls,         ///< the peer speaks TLS, but the handshake failed
  unverified,  ///< the peer's certificate was refused
};

/// Whose fault it is: the client's, the upstream's, or ours.
enum class Origin : std::uint8_t { downstream, upstream, internal };

/// An error as a value. `what` is static text, so making one never allocates.
struct Error {
  Errc code;
  Origin origin;
  std::string_view what;
};

/// `std::expected` alone may be dropped without a warning; this may not (docs/adr/0004).
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
};

inline std::unexpected<Error> fail(Errc code, Origin origin, std::string_view what) {
  return std::unexpected(Error{code, origin, what});
}

}  // namespace aralez
