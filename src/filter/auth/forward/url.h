#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// Where the authorization server is asked.
struct ForwardUrl {
  bool tls = false;
  std::string host;  ///< lower case; numeric without brackets
  std::uint16_t port = 0;
  std::string authority;  ///< as it was written: the Host field
  std::string target;     ///< path and query
};

/// nullopt, and what is wrong in `why`, which quotes nothing of `text`.
[[nodiscard]] std::optional<ForwardUrl> parse_forward_url(std::string_view text, std::string& why);

}  // namespace aralez
