#include "filter/auth/refusal.h"

#include "base/ascii.h"

namespace aralez {

Verdict refuse_credentials(RequestContext& request, Reply& reply, const AuthRefusal& refusal) {
  reply.status = 401;
  reply.fields.add(request.arena, {"WWW-Authenticate", refusal.challenge});
  reply.fields.add(request.arena, {"Cache-Control", "private, no-store"});
  reply.length = BodyLength::of(0);
  reply.reason = refusal.reason;
  reply.why = refusal.why;
  return Verdict::replied;
}

Verdict refuse_for_now(RequestContext& request, Reply& reply, Reason reason, std::string_view why) {
  reply.status = 503;
  reply.fields.add(request.arena, {"Retry-After", "1"});
  reply.fields.add(request.arena, {"Cache-Control", "private, no-store"});
  reply.length = BodyLength::of(0);
  reply.reason = reason;
  reply.why = why;
  return Verdict::replied;
}

SingleField single_field(const Fields& fields, FieldId id) noexcept {
  SingleField out;
  if (!fields.kinds().has(id)) return out;
  for (const Field& f : fields) {
    if (f.id != id) continue;
    if (out.state != SingleField::State::absent) return {SingleField::State::repeated, {}};
    out = {SingleField::State::present, f.value};
  }
  return out;
}

std::optional<std::string_view> credentials_of(std::string_view authorization,
                                               std::string_view scheme) noexcept {
  const auto blank = authorization.find(' ');
  if (!iequals(authorization.substr(0, blank), scheme)) return std::nullopt;
  const auto begin = authorization.find_first_not_of(' ', scheme.size());
  return begin == std::string_view::npos ? std::string_view() : authorization.substr(begin);
}

}  // namespace aralez
