#include "codec/h1/first_line.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/head.h"

namespace aralez::h1 {

bool shows_http(std::string_view text) noexcept {
  constexpr std::string_view kHttp = "http";
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  const auto line = text.substr(0, text.find_first_of("\r\n"));
  const auto* const stop = std::find_if_not(line.begin(), line.end(), is_token_char);
  if (method_of({line.begin(), stop}) != Method::other) return true;
  for (std::size_t at = 0; at + kHttp.size() <= line.size(); ++at)
    if ((at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') &&
        iequals(line.substr(at, kHttp.size()), kHttp))
      return true;
  return false;
}

}  // namespace aralez::h1
