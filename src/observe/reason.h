#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace aralez {

/// Why an answer was made here instead of coming from an upstream, or why a connection or request
/// was ended by us. One per such event: it is counted (label `reason`) and its text stands in the
/// log. Idle connections that end, and what a stop cuts off, have none. Names are stable.
enum class Reason : std::uint8_t {
  // What the client sent cannot be served.
  not_http,
  bad_request_line,
  bad_header,
  bad_framing,
  bad_chunk,
  bad_target,
  bad_host,
  no_host,
  misdirected,
  path_ambiguous,
  head_too_large,
  too_many_headers,
  uri_too_long,
  unsupported_version,
  unsupported_method,
  unsupported_coding,
  expectation_failed,
  body_too_large,
  // What the client did, or did not do in time.
  client_head_timeout,
  client_slow,
  too_many_connections,
  proxy_header,
  proxy_header_timeout,
  h2_protocol,
  h2_flood,
  h2_resets,
  h2_refused,
  tls_failed,
  tls_timeout,
  too_many_handshakes,
  // The configuration says so.
  no_route,
  no_endpoint,
  route_loop,
  redirect,
  https_redirect,
  rate_limited,
  x4xx_limited,
  auth_throttled,
  auth_missing,
  auth_malformed,
  auth_wrong,
  auth_expired,
  auth_busy,
  auth_unavailable,
  auth_redirect,
  auth_denied,
  auth_server_error,
  auth_unreachable,
  auth_timeout,
  auth_loop,
  method_not_allowed,
  file_not_found,
  precondition_failed,
  range_unsatisfiable,
  // The API.
  api_no_key,
  api_wrong_key,
  api_not_local,
  api_foreign_host,
  api_foreign_site,
  api_through_proxy,
  api_disabled,
  api_bad_config,
  api_bad_call,
  api_no_token,
  api_not_found,
  api_no_certificate,
  // The upstream failed.
  dns_failed,
  connect_failed,
  connect_timeout,
  upstream_tls,
  upstream_unverified,
  upstream_timeout,
  upstream_protocol,
  upstream_reset,
  // Ourselves.
  out_of_resources,
  internal
};

inline constexpr std::size_t kReasons = std::to_underlying(Reason::internal) + 1;

struct ReasonInfo {
  Reason id;
  std::string_view name;  ///< metric label, snake_case
  std::string_view text;  ///< for logs
};

inline constexpr std::array<ReasonInfo, kReasons> kReasonTable{{
    {Reason::not_http, "not_http", "connection of a client that does not speak HTTP"},
    {Reason::bad_request_line, "bad_request_line", "malformed request line"},
    {Reason::bad_header, "bad_header", "malformed header field"},
    {Reason::bad_framing, "bad_framing",
     "length of the request body is contradictory or malformed"},
    {Reason::bad_chunk, "bad_chunk", "malformed chunked body"},
    {Reason::bad_target, "bad_target", "malformed request target"},
    {Reason::bad_host, "bad_host", "host is malformed, repeated or contradictory"},
    {Reason::no_host, "no_host", "request names no host"},
    {Reason::misdirected, "misdirected",
     "host is not one that the certificate of the connection stands for"},
    {Reason::path_ambiguous, "path_ambiguous",
     "path can be read in two ways that lead to different routes"},
    {Reason::head_too_large, "head_too_large", "request head exceeds the limit"},
    {Reason::too_many_headers, "too_many_headers", "too many header fields"},
    {Reason::uri_too_long, "uri_too_long", "request target exceeds the limit"},
    {Reason::unsupported_version, "unsupported_version", "protocol version is not supported"},
    {Reason::unsupported_method, "unsupported_method", "method is not supported"},
    {Reason::unsupported_coding, "unsupported_coding", "transfer coding is not supported"},
    {Reason::expectation_failed, "expectation_failed", "expectation cannot be met"},
    {Reason::body_too_large, "body_too_large", "request body exceeds the limit"},
    {Reason::client_head_timeout, "client_head_timeout", "request head took too long"},
    {Reason::client_slow, "client_slow", "client sends or reads too slowly"},
    {Reason::too_many_connections, "too_many_connections", "too many connections from this client"},
    {Reason::proxy_header, "proxy_header", "PROXY header is missing or malformed"},
    {Reason::proxy_header_timeout, "proxy_header_timeout", "PROXY header took too long"},
    {Reason::h2_protocol, "h2_protocol", "client broke the rules of HTTP/2"},
    {Reason::h2_flood, "h2_flood", "client sends frames that only cost"},
    {Reason::h2_resets, "h2_resets", "client throws too many requests away"},
    {Reason::h2_refused, "h2_refused", "more requests at once than one connection may have"},
    {Reason::tls_failed, "tls_failed", "TLS handshake failed"},
    {Reason::tls_timeout, "tls_timeout", "TLS handshake took too long"},
    {Reason::too_many_handshakes, "too_many_handshakes", "too many TLS handshakes under way"},
    {Reason::no_route, "no_route", "no route for this host and path"},
    {Reason::no_endpoint, "no_endpoint", "route has no usable server"},
    {Reason::route_loop, "route_loop", "route leads back to this proxy"},
    {Reason::redirect, "redirect", "redirected by the route"},
    {Reason::https_redirect, "https_redirect", "redirected to https"},
    {Reason::rate_limited, "rate_limited", "more requests of this client than rate_limit allows"},
    {Reason::x4xx_limited, "x4xx_limited",
     "more 4xx answers to this client than x4xx_limit allows"},
    {Reason::auth_throttled, "auth_throttled", "too many failed authorizations of this client"},
    {Reason::auth_missing, "auth_missing", "no credentials"},
    {Reason::auth_malformed, "auth_malformed", "malformed credentials"},
    {Reason::auth_wrong, "auth_wrong", "credentials are not accepted"},
    {Reason::auth_expired, "auth_expired", "credentials have expired"},
    {Reason::auth_busy, "auth_busy", "too many credentials are being checked"},
    {Reason::auth_unavailable, "auth_unavailable", "authorization of this route is not available"},
    {Reason::auth_redirect, "auth_redirect", "sent elsewhere by the authorization server"},
    {Reason::auth_denied, "auth_denied", "refused by the authorization server"},
    {Reason::auth_server_error, "auth_server_error", "the authorization server has failed"},
    {Reason::auth_unreachable, "auth_unreachable", "the authorization server gave no answer"},
    {Reason::auth_timeout, "auth_timeout", "the authorization server took too long"},
    {Reason::auth_loop, "auth_loop",
     "the authorization server leads back to the route that asks it"},
    {Reason::method_not_allowed, "method_not_allowed", "method is not allowed here"},
    {Reason::file_not_found, "file_not_found", "no such file"},
    {Reason::precondition_failed, "precondition_failed", "file is not the one the request wants"},
    {Reason::range_unsatisfiable, "range_unsatisfiable", "range is not in the file"},
    {Reason::api_no_key, "api_no_key", "API call without the key"},
    {Reason::api_wrong_key, "api_wrong_key", "API call with a wrong key"},
    {Reason::api_not_local, "api_not_local", "API call from elsewhere, and no key is configured"},
    {Reason::api_foreign_host, "api_foreign_host", "API called by a host name that is not its own"},
    {Reason::api_foreign_site, "api_foreign_site", "API call by a page of another site"},
    {Reason::api_through_proxy, "api_through_proxy", "route leads to the API"},
    {Reason::api_disabled, "api_disabled", "config_api_enabled is false"},
    {Reason::api_bad_config, "api_bad_config", "pushed configuration was refused"},
    {Reason::api_bad_call, "api_bad_call", "API call that says too little"},
    {Reason::api_no_token, "api_no_token", "no token was issued"},
    {Reason::api_not_found, "api_not_found", "the API has nothing there"},
    {Reason::api_no_certificate, "api_no_certificate",
     "no account or certificate of an authority could be had"},
    {Reason::dns_failed, "dns_failed", "server name has no address"},
    {Reason::connect_failed, "connect_failed", "server refused the connection"},
    {Reason::connect_timeout, "connect_timeout", "connecting to the server took too long"},
    {Reason::upstream_tls, "upstream_tls", "TLS with the server could not be set up"},
    {Reason::upstream_unverified, "upstream_unverified", "server's certificate was refused"},
    {Reason::upstream_timeout, "upstream_timeout", "server took too long to answer"},
    {Reason::upstream_protocol, "upstream_protocol", "server sent a malformed response"},
    {Reason::upstream_reset, "upstream_reset", "server closed the connection early"},
    {Reason::out_of_resources, "out_of_resources", "out of file descriptors or memory"},
    {Reason::internal, "internal", "internal error"},
}};

constexpr const ReasonInfo& info_of(Reason r) noexcept {
  return kReasonTable[std::to_underlying(r)];
}
constexpr std::string_view to_string(Reason r) noexcept {
  return info_of(r).name;
}
constexpr std::string_view text_of(Reason r) noexcept {
  return info_of(r).text;
}

static_assert(
    [] {
      for (std::size_t i = 0; i < kReasons; ++i)
        if (std::to_underlying(kReasonTable[i].id) != i || kReasonTable[i].name.empty() ||
            kReasonTable[i].text.empty())
          return false;
      return true;
    }(),
    "kReasonTable follows the order of Reason");

}  // namespace aralez
