#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace aralez {

/// Where something is asked for.
struct HttpUrl {
  bool tls = false;
  std::string host;  ///< lower case; numeric without brackets
  std::uint16_t port = 0;
  std::string authority;  ///< as it was written: the Host field
  std::string target;     ///< path and query
};

/// Or what is wrong, which quotes nothing of `text`.
[[nodiscard]] std::expected<HttpUrl, std::string_view> parse_http_url(std::string_view text);

}  // namespace aralez
