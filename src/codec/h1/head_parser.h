#pragma once

#include <span>
#include <string_view>

#include "http/head.h"
#include "http/head_error.h"

namespace aralez::h1 {

using aralez::HeadError;

struct HeadLimits {
  std::size_t bytes;
  std::size_t fields;
  std::size_t target;
};

/// How the connection goes on after a message, as its head says. Never leaves the codec.
struct Persistence {
  bool keep_alive = true;
  bool upgrade = false;  ///< `Connection: upgrade` was there
};

enum class Parse : std::uint8_t { done, more, bad };

struct ParseResult {
  Parse outcome;
  std::size_t bytes = 0;  ///< of the head, when done
  HeadError error;        ///< when bad
};

/// Parses the head that starts at text[0] in place (RFC 9112 sections 2 to 6). Strict: what two
/// parsers could read in two ways is refused. Framing and hop-by-hop fields are taken out of
/// `head.fields`, which uses `storage`; that is also where the number of fields ends. `head.pin` is
/// left alone.
[[nodiscard]] ParseResult parse_request(std::string_view text, const HeadLimits& limits,
                                        std::span<Field> storage, Head& head,
                                        Persistence& persistence);

/// As above for a response; whatever is wrong with it is 502 and `upstream_protocol`. What framing
/// its body has also depends on the request; see response_length().
[[nodiscard]] ParseResult parse_response(std::string_view text, const HeadLimits& limits,
                                         std::span<Field> storage, Head& head,
                                         Persistence& persistence);

/// Trailer section of a chunked body (RFC 9112 section 7.1.2): field lines up to an empty line.
/// Framing, routing and hop-by-hop names are dropped.
[[nodiscard]] ParseResult parse_trailers(std::string_view text, const HeadLimits& limits,
                                         std::span<Field> storage, Fields& trailers);

}  // namespace aralez::h1
