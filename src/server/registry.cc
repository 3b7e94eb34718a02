#include "server/registry.h"

#include "filter/auth/guard.h"
#include "filter/forwarded/forwarded.h"
#include "filter/headers/headers.h"
#include "filter/redirect/redirect.h"

namespace aralez {
namespace {

std::unique_ptr<const Filter> auth(const RouteConfig& r) {
  const auto& wanted = r.upstreams.authorization ? r.upstreams.authorization : r.path.authorization;
  if (!wanted) return nullptr;
  return std::make_unique<AuthGuard>(std::string(to_string(wanted->type)));
}

std::unique_ptr<const Filter> redirect(const RouteConfig& r) {
  const bool to_https = r.upstreams.to_https || r.path.to_https;
  if (r.path.redirect_to.empty() && !to_https) return nullptr;
  return std::make_unique<RedirectFilter>(
      RedirectConfig{.redirect_to = r.path.redirect_to,
                     .to_https = to_https,
                     .https_port = r.main.proxy_address_tls ? r.main.proxy_address_tls->port()
                                                            : std::uint16_t{443}});
}

std::unique_ptr<const Filter> headers(const RouteConfig& r) {
  auto server = merge_server_headers(r.path.server_headers, r.upstreams.server_headers);
  auto client = merge_client_headers(r.path.client_headers, r.upstreams.client_headers);
  if (server.empty() && client.empty()) return nullptr;
  return std::make_unique<HeadersFilter>(std::move(server), std::move(client));
}

}  // namespace

FilterChain Features::make_chain(const RouteConfig& route) {
  FilterChain chain;
  const auto add = [&chain](std::unique_ptr<const Filter> f) {
    if (f) chain.add(std::move(f));
  };
  add(auth(route));
  add(redirect(route));
  add(std::make_unique<ForwardedFilter>());
  add(headers(route));
  return chain;
}

}  // namespace aralez
