#include "server/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "control/build/own_routes.h"
#include "control/discovery/consul/consul_registry.h"
#include "control/discovery/kubernetes/kubernetes_registry.h"
#include "filter/api_guard/api_guard.h"
#include "filter/auth/apikey/apikey.h"
#include "filter/auth/basic/basic.h"
#include "filter/auth/forward/forward.h"
#include "filter/auth/jwt/jwt.h"
#include "filter/forwarded/forwarded.h"
#include "filter/headers/headers.h"
#include "filter/limits/auth_throttle.h"
#include "filter/limits/error_limit.h"
#include "filter/limits/rate_limit.h"
#include "filter/loop_guard/loop_guard.h"
#include "filter/redirect/redirect.h"
#include "filter/request_id/request_id.h"
#include "filter/sticky/sticky.h"

namespace aralez {

std::unique_ptr<ServiceRegistry> make_registry(const UpstreamsConfig& config) {
  if (config.provider == Provider::consul) return make_consul_registry(*config.consul);
  return make_kubernetes_registry(*config.kubernetes);
}

namespace {

/// The innermost of a limit's values, and what it counts together: a route with a value of its own
/// counts for itself, all others of a host together (behaviour section 21).
template <class T>
struct ChosenLimit {
  std::optional<T> value;
  LimitScope scope;
};
template <class T>
ChosenLimit<T> choose(const LimitShared& limits, LimitKind kind, const RouteConfig& r,
                      const std::optional<T>& path, const std::optional<T>& host,
                      const std::optional<T>& top) {
  if (path) return {path, limits.scope(kind, r.host.host, r.path.path)};
  return {host ? host : top, limits.scope(kind, r.host.host, {})};
}

/// The access log has a place for it in JSON only.
std::unique_ptr<const Filter> request_id(const RouteConfig& r, const RequestIdFilter::Seed& seed) {
  const bool logged =
      r.main.access_log != AccessLogMode::off && r.main.access_log_format == AccessLogFormat::json;
  return logged ? std::make_unique<RequestIdFilter>(seed) : nullptr;
}

std::unique_ptr<const Filter> loop_guard(const RouteConfig& r, std::uint64_t key) {
  if (!leads_to_proxy(r.path, r.main)) return nullptr;
  KeyedHash mark(key);
  mark.add(r.host.host);
  mark.add(r.path.path);
  return std::make_unique<LoopGuard>(fmt::format("aralez-{:016x}", mark.value()));
}

std::unique_ptr<const Filter> error_limit(const RouteConfig& r, LimitShared& limits) {
  const auto limit = choose(limits, LimitKind::errors, r, r.path.x4xx_limit, r.host.x4xx_limit,
                            r.upstreams.x4xx_limit);
  if (!limit.value) return nullptr;
  return std::make_unique<ErrorLimitFilter>(limits.counts(), limit.scope, *limit.value);
}

std::unique_ptr<const Filter> rate_limit(const RouteConfig& r, LimitShared& limits) {
  const auto limit = choose(limits, LimitKind::rate, r, r.path.rate_limit, r.host.rate_limit,
                            r.upstreams.rate_limit);
  if (!limit.value) return nullptr;
  return std::make_unique<RateLimitFilter>(limits.counts(), limit.scope, *limit.value);
}

const std::optional<AuthConfig>& authorization(const RouteConfig& r) {
  return r.upstreams.authorization ? r.upstreams.authorization : r.path.authorization;
}

std::unique_ptr<const Filter> auth_throttle(const RouteConfig& r, LimitShared& limits) {
  const std::uint32_t limit = r.main.limits.auth_failure_limit;
  if (!authorization(r) || limit == 0) return nullptr;
  return std::make_unique<AuthThrottleFilter>(
      FailureCount(limits.counts(), limits.scope(LimitKind::failed_auth, r.host.host, {}), limit));
}

bool to_https(const RouteConfig& r) {
  return r.upstreams.to_https || r.path.to_https;
}

std::uint16_t https_port(const RouteConfig& r) {
  return r.main.proxy_address_tls ? r.main.proxy_address_tls->port() : std::uint16_t{443};
}

/// Of a route with authorization: a 401 in clear would ask for credentials in clear. The original
/// asks first.
std::unique_ptr<const Filter> https_first(const RouteConfig& r) {
  if (!authorization(r) || !to_https(r)) return nullptr;
  return std::make_unique<RedirectFilter>(
      RedirectConfig{.to_https = true, .https_port = https_port(r)});
}

std::unique_ptr<const Filter> redirect(const RouteConfig& r) {
  const bool https = to_https(r) && !authorization(r);
  if (r.path.redirect_to.empty() && !https) return nullptr;
  return std::make_unique<RedirectFilter>(RedirectConfig{
      .redirect_to = r.path.redirect_to, .to_https = https, .https_port = https_port(r)});
}

std::unique_ptr<const Filter> headers(const RouteConfig& r) {
  auto server = merge_server_headers(r.path.server_headers, r.upstreams.server_headers);
  auto client = merge_client_headers(r.path.client_headers, r.upstreams.client_headers);
  if (server.empty() && client.empty()) return nullptr;
  return std::make_unique<HeadersFilter>(std::move(server), std::move(client));
}

KeyPlace key_place(const RouteConfig& route, const AuthConfig& wanted) {
  const std::string data = wanted.data.empty() ? std::string() : wanted.data.front();
  switch (wanted.jwt_key) {
    case JwtKey::keys: return {.kind = KeyPlace::Kind::keys, .text = data};
    case JwtKey::file: return {.kind = KeyPlace::Kind::file, .text = data};
    case JwtKey::url:
      return {.kind = KeyPlace::Kind::url,
              .text = data,
              .ca_file =
                  route.upstreams.ca_file.empty() ? route.main.ca_file : route.upstreams.ca_file};
    case JwtKey::secret: break;
  }
  for (const std::string& secret : {route.main.jwt_key, data, route.main.master_key})
    if (!secret.empty()) return {.text = secret};
  return {};
}

/// A few threads for hashes of passwords; most of the machine stays with the requests.
std::size_t hash_threads(const MainConfig& main) {
  return std::clamp<std::size_t>(main.threads / 2, 2, 8);
}

}  // namespace

Features::Features(const MainConfig& main, Logger& logger)
    : main_(main),
      auth_(main.threads, hash_threads(main)),
      keys_(logger),
      sticky_(main.master_key),
      forward_(main.ca_file),
      question_marks_(main.master_key) {}

/// Behaviour sections 2.8 and 8: the global one first.
std::unique_ptr<const Filter> Features::auth(const RouteConfig& route) {
  const auto& wanted = authorization(route);
  if (!wanted) return nullptr;
  switch (wanted->type) {
    case AuthType::basic:
      return std::make_unique<BasicFilter>(accounts_.of(wanted->data, auth_.key()), auth_);
    case AuthType::apikey:
      return std::make_unique<ApiKeyFilter>(api_keys_.of(wanted->data, auth_.key()));
    case AuthType::jwt: return jwt(route, *wanted);
    case AuthType::forward: break;
  }
  return make_forward_auth(*wanted, {.host = route.host.host,
                                     .path = route.path.path,
                                     .connect = route.main.limits.upstream_connect_timeout,
                                     .servers = forward_,
                                     .marks = question_marks_});
}

std::unique_ptr<const Filter> Features::jwt(const RouteConfig& route, const AuthConfig& wanted) {
  const bool own = wanted.jwt_key == JwtKey::secret;
  return std::make_unique<JwtFilter>(
      keys_.source(key_place(route, wanted)),
      TokenPolicy{.claims = own ? TokenPolicy::Claims::aralez : TokenPolicy::Claims::standard,
                  .issuer = wanted.issuer,
                  .audience = wanted.audience},
      auth_);
}

KeyThrottle Features::api_key_throttle() {
  const std::uint32_t limit = main_.limits.auth_failure_limit;
  if (limit == 0) return {};
  const FailureCount failures(limits_.counts(), limits_.scope(LimitKind::failed_auth, {}, {}),
                              limit);
  return {.left = [failures](const RequestContext& r) { return failures.left(r); },
          .failed = [failures](const RequestContext& r) { failures.add(r); }};
}

std::unique_ptr<const Filter> Features::sticky(const RouteConfig& r) {
  const auto& age = r.upstreams.sticky_sessions;
  if (!age || r.path.servers.empty()) return nullptr;
  std::vector<std::shared_ptr<const StickyEndpoint>> endpoints;
  for (const ServerConfig& s : r.path.servers)
    endpoints.push_back(sticky_.of(s.host, s.port, *age));
  return std::make_unique<StickyFilter>(std::move(endpoints), *age);
}

FilterChain Features::make_chain(const RouteConfig& route) {
  FilterChain chain;
  const auto add = [&chain](std::unique_ptr<const Filter> f) {
    if (f) chain.add(std::move(f));
  };
  add(request_id(route, request_ids_));
  if (leads_to_api(route.path, route.main)) add(std::make_unique<ApiGuard>());
  add(loop_guard(route, loop_key_));
  add(error_limit(route, limits_));
  add(https_first(route));
  add(auth_throttle(route, limits_));
  add(auth(route));
  add(rate_limit(route, limits_));
  add(redirect(route));
  add(std::make_unique<ForwardedFilter>(question_marks_));
  add(headers(route));
  add(sticky(route));
  return chain;
}

}  // namespace aralez
