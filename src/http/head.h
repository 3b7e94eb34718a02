#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/block.h"
#include "http/fields.h"

namespace aralez {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  del,
  connect,
  options,
  trace,
  patch,
  other
};

/// Methods are case-sensitive (RFC 9110 section 9.1).
[[nodiscard]] Method method_of(std::string_view token) noexcept;
/// RFC 9110 section 9.2.2: sending it twice is as good as once.
[[nodiscard]] constexpr bool is_idempotent(Method m) noexcept {
  return m == Method::get || m == Method::head || m == Method::put || m == Method::del ||
         m == Method::options || m == Method::trace;
}

enum class HttpVersion : std::uint8_t { http10, http11, http2 };

/// What is known of the body when the head is complete.
struct BodyLength {
  enum class Kind : std::uint8_t { none, known, unknown };
  Kind kind = Kind::none;
  std::uint64_t bytes =
      0;  ///< with Kind::known; of a response to HEAD it is what GET would have sent

  static constexpr BodyLength of(std::uint64_t n) { return {Kind::known, n}; }
  static constexpr BodyLength until_end() { return {Kind::unknown, 0}; }
};

/// A request or response head, whatever protocol it came by. Framing and hop-by-hop fields are not
/// in `fields`: the codec that reads turns them into `length` and `upgrade`, the codec that writes
/// makes its own. All views live as long as `pin`, the arena of the fields, and the configuration
/// snapshot do.
struct Head {
  Method method = Method::other;  ///< of requests
  HttpVersion version = HttpVersion::http11;
  std::uint16_t status = 0;  ///< of responses
  bool expect_continue = false;
  bool last = false;  ///< the client's connection takes no other request after this response
  BodyLength length;
  BlockRef pin;
  Fields fields;

  // Requests.
  std::string_view method_text;
  std::string_view
      target;  ///< origin-form or `*`, byte for byte; of absolute-form what follows the authority
  std::string_view scheme;     ///< of an absolute-form target or `:scheme`, else empty
  std::string_view authority;  ///< of the target or `:authority`, else the Host field's value

  // Responses.
  std::string_view reason;

  std::string_view upgrade;  ///< protocol asked for or switched to, else empty
  std::string_view raw;      ///< the bytes this was parsed from; all texts of `fields` lie in it

  /// Makes the head last as long as `arena`: moves the field array there, with room for `extra`
  /// fields more, and the texts too if they are short, so that the block they came in is free for
  /// the next receive while it is in the cache.
  void move_to(Arena& arena, std::size_t extra);

  [[nodiscard]] bool interim() const noexcept {
    return status >= 100 && status < 200 && status != 101;
  }
};

/// The reason phrase we use for a status of our own.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

/// Statuses that have no body by definition (RFC 9110 section 6.4.1).
[[nodiscard]] constexpr bool bodyless(std::uint16_t status) noexcept {
  return (status >= 100 && status < 200) || status == 204 || status == 304;
}

}  // namespace aralez
