#include "admin/access.h"

#include <algorithm>

#include "admin/query.h"
#include "base/ascii.h"
#include "base/constant_time.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

constexpr FieldSet kForwarding{FieldId::x_forwarded_for, FieldId::x_forwarded_host,
                               FieldId::x_forwarded_proto, FieldId::x_real_ip, FieldId::forwarded};

/// Fields of a proxy count when they are there, whatever they say.
bool passed_on(const Fields& fields) {
  if (fields.kinds().meets(kForwarding)) return true;
  return fields.find("via") != nullptr;
}

/// Whether that is the origin of what this connection serves (RFC 6454); `null` is none.
bool own_origin(std::string_view origin, const RequestContext& asked) {
  const auto is = [&](std::string_view scheme) {
    return origin.size() > scheme.size() && iequals(origin.substr(0, scheme.size()), scheme) &&
           iequals(origin.substr(scheme.size()), asked.request.authority);
  };
  // In the clear: what the browser speaks to a proxy in between may be TLS.
  return is("https://") || (!asked.client.tls && is("http://"));
}

/// What a browser says of the page that asks (Fetch standard, `Sec-Fetch-*`).
bool from_other_site(const RequestContext& asked, Call call) {
  const Head& request = asked.request;
  for (const Field& f : request.fields) {
    if (iequals(f.name, "origin") && !own_origin(f.value, asked)) return true;
    if (!iequals(f.name, "sec-fetch-site")) continue;
    if (iequals(f.value, "same-origin") || iequals(f.value, "none")) continue;
    // A link to the page, followed by whoever sits there; not the page in somebody's frame.
    const Field* const shown_as = request.fields.find("sec-fetch-dest");
    if (call != Call::page || !shown_as || !iequals(shown_as->value, "document")) return true;
  }
  return false;
}

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() <= kScheme.size() ||
      !iequals(authorization.substr(0, kScheme.size()), kScheme))
    return {};
  return trim_ows(authorization.substr(kScheme.size()));
}

}  // namespace

AccessRules::Key AccessRules::key_of(const RequestContext& request) const {
  if (config_.master_key.empty()) return Key::none;
  Key found = Key::none;
  const auto look = [&](std::string_view given) {
    if (same_secret(config_.master_key, given))
      found = Key::right;
    else if (found == Key::none)
      found = Key::wrong;
  };
  for (const Field& f : request.request.fields) {
    if (f.id == FieldId::x_api_key) look(f.value);
    if (f.id == FieldId::authorization)
      if (const auto token = bearer(f.value); !token.empty()) look(token);
  }
  if (const auto key = query_value(request.path.query, "key")) look(*key);
  return found;
}

bool AccessRules::own_host(std::string_view host) const {
  if (host == "localhost" || host.ends_with(".localhost")) return true;  // RFC 6761 section 6.3
  if (SocketAddress::from_ip(host, 0)) return true;
  return std::find(config_.names.begin(), config_.names.end(), host) != config_.names.end();
}

bool AccessRules::is_local(const RequestContext& request) {
  const ClientInfo& client = request.client;
  return client.peer_loopback && !client.proxied && !passed_on(request.request.fields);
}

bool AccessRules::asks_for_key(const RequestContext& request, Call call) const {
  if (config_.master_key.empty() || call == Call::acme_challenge) return false;
  return call == Call::jwt || !is_local(request);
}

AccessRules::Verdict AccessRules::judge(const RequestContext& request, Call call) const {
  if (call == Call::acme_challenge) return Verdict::open;
  if (from_other_site(request, call)) return Verdict::foreign_site;
  const bool local = is_local(request);
  if (config_.master_key.empty() && !local) return Verdict::not_local;
  const Key key = key_of(request);
  if (key == Key::right) return Verdict::open;
  if (call == Call::jwt && !config_.master_key.empty()) return Verdict::open;
  if (!local) return key == Key::wrong ? Verdict::wrong_key : Verdict::no_key;
  return own_host(request.host) ? Verdict::open : Verdict::foreign_host;
}

Reason reason_of(AccessRules::Verdict verdict) noexcept {
  switch (verdict) {
    case AccessRules::Verdict::no_key: return Reason::api_no_key;
    case AccessRules::Verdict::wrong_key: return Reason::api_wrong_key;
    case AccessRules::Verdict::not_local: return Reason::api_not_local;
    case AccessRules::Verdict::foreign_host: return Reason::api_foreign_host;
    case AccessRules::Verdict::foreign_site: return Reason::api_foreign_site;
    case AccessRules::Verdict::open: break;
  }
  return Reason::internal;
}

}  // namespace aralez
