#include "proxy/request_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "http/field_rules.h"

namespace aralez {
namespace {

/// Threats rows 14 and 30.
constexpr FieldSet kRefusedNames = [] {
  FieldSet names{FieldId::proxy};
  names.add_underscore();
  return names;
}();

/// An absolute-form target and the Host field must name the same place.
bool same_authority(const Authority& a, const Authority& b, std::string_view scheme) {
  const std::string_view standard = iequals(scheme, "https") ? "443" : "80";
  const auto port = [&](const Authority& x) { return x.port.empty() ? standard : x.port; };
  return a.host == b.host && port(a) == port(b);
}

RequestVerdict check_authority(Head& request, Arena& arena, std::string_view& host) {
  const auto authority = parse_authority(request.authority, arena);
  if (!authority) return {400, Reason::bad_host, authority.error().what};
  host = authority->host;
  const Field* field = request.fields.find(FieldId::host);
  if (!field) {  // HTTP/1.0; an upstream gets HTTP/1.1, where the field is required
    request.fields.add(arena, {"Host", request.authority, FieldId::host});
    return {};
  }
  if (request.scheme.empty() || field->value.data() == request.authority.data()) return {};
  const auto named = parse_authority(field->value, arena);
  if (!named) return {400, Reason::bad_host, named.error().what};
  if (!same_authority(*authority, *named, request.scheme))
    return {400, Reason::bad_host, "target and Host name different hosts"};
  return {};
}

constexpr std::string_view kMaxForwards = "Max-Forwards";

constexpr std::uint64_t kMostHops = std::numeric_limits<std::uint32_t>::max();

}  // namespace

RequestVerdict check_request(Head& request, Arena& arena, std::string_view& host,
                             TargetPath& path) {
  if (request.method == Method::connect)
    return {405, Reason::unsupported_method, "CONNECT is not offered"};
  if (const auto bad = check_authority(request, arena, host); bad.status != 0) return bad;
  if (request.target.starts_with('?'))  // an empty path means `/` (RFC 9110 section 4.2.3)
    request.target = arena.join({"/", request.target});
  if (request.target == "*") {
    path = {.match = "/", .forward = "*"};
  } else {
    const auto normal = normalise_target(request.target, arena);
    if (!normal) return {400, Reason::bad_target, normal.error().what};
    path = *normal;
  }
  if (request.fields.kinds().meets(kRefusedNames))
    request.fields.remove_if([](const Field& f) { return f.underscore || f.id == FieldId::proxy; });
  return {};
}

Hop count_hop(Head& request, Arena& arena) {
  bool counted = false;
  for (Field& f : request.fields) {
    if (!iequals(f.name, kMaxForwards)) continue;
    std::uint64_t hops = 0;
    if (!parse_count(f.value, hops) || counted) return Hop::malformed;
    if (hops == 0) return Hop::last;
    f.value = arena.copy(fmt::to_string(std::min(hops, kMostHops) - 1));
    counted = true;
  }
  return Hop::onward;
}

}  // namespace aralez
