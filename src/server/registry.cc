#include "server/registry.h"

#include "filter/auth/guard.h"
#include "filter/forwarded/forwarded.h"
#include "filter/headers/headers.h"
#include "filter/redirect/redirect.h"

namespace aralez {
namespace {

std::unique_ptr<const Filter> auth(const UpstreamsConfig& upstreams, const PathConfig& path) {
  const auto& wanted = upstreams.authorization ? upstreams.authorization : path.authorization;
  if (!wanted) return nullptr;
  return std::make_unique<AuthGuard>(std::string(to_string(wanted->type)));
}

std::unique_ptr<const Filter> redirect(const MainConfig& main, const UpstreamsConfig& upstreams,
                                       const PathConfig& path) {
  const bool to_https = upstreams.to_https || path.to_https;
  if (path.redirect_to.empty() && !to_https) return nullptr;
  return std::make_unique<RedirectFilter>(RedirectConfig{
      .redirect_to = path.redirect_to,
      .to_https = to_https,
      .https_port = main.proxy_address_tls ? main.proxy_address_tls->port() : std::uint16_t{443}});
}

std::unique_ptr<const Filter> headers(const UpstreamsConfig& upstreams, const PathConfig& path) {
  auto server = merge_server_headers(path.server_headers, upstreams.server_headers);
  auto client = merge_client_headers(path.client_headers, upstreams.client_headers);
  if (server.empty() && client.empty()) return nullptr;
  return std::make_unique<HeadersFilter>(std::move(server), std::move(client));
}

}  // namespace

FilterChain make_chain(const MainConfig& main, const UpstreamsConfig& upstreams,
                       const PathConfig& path) {
  FilterChain chain;
  const auto add = [&chain](std::unique_ptr<const Filter> f) {
    if (f) chain.add(std::move(f));
  };
  add(auth(upstreams, path));
  add(redirect(main, upstreams, path));
  add(std::make_unique<ForwardedFilter>());
  add(headers(upstreams, path));
  return chain;
}

}  // namespace aralez
