#include "filter/auth/url.h"

#include <algorithm>
#include <charconv>

#include "base/arena.h"
#include "base/ascii.h"
#include "http/uri.h"

namespace aralez {
namespace {

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::expected<HttpUrl, std::string_view> parse_http_url(std::string_view text) {
  using Wrong = std::unexpected<std::string_view>;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return Wrong("not a URL");
  const std::string scheme = lower(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return Wrong("not a URL of http or https");
  if (!is_visible(text)) return Wrong("holds blanks, control or non-ASCII characters");
  if (text.contains('#')) return Wrong("has a fragment, which no server is ever sent");
  std::string_view rest = text.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (authority.contains('@')) return Wrong("holds a user name, which is not sent");

  BlockPool blocks;
  Arena arena(blocks);
  const auto parsed = parse_authority(authority, arena);
  if (!parsed || parsed->host.empty()) return Wrong("has no usable host");
  HttpUrl url{.tls = scheme == "https", .authority = std::string(authority)};
  url.host = parsed->host;
  if (url.host.front() == '[') url.host = url.host.substr(1, url.host.size() - 2);
  unsigned port = url.tls ? 443 : 80;
  if (const auto digits = parsed->port; !digits.empty())
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (port < 1 || port > 0xffff) return Wrong("has a port that is none");
  url.port = static_cast<std::uint16_t>(port);
  url.target = rest.starts_with('/') ? std::string(rest) : '/' + std::string(rest);
  return url;
}

}  // namespace aralez
