#include "filter/auth/jwt/jwt.h"

#include <optional>

#include "base/query.h"
#include "filter/auth/refusal.h"

namespace aralez {
namespace {

constexpr std::string_view kParameter = "araleztoken";
/// RFC 6750 section 3.1: without credentials there is no error code.
constexpr std::string_view kChallenge = R"(Bearer realm="aralez")";

std::string_view number_text(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

/// The decoded value of the last `araleztoken` (behaviour section 8.3), if there is one.
std::optional<std::string_view> token_in_query(const RequestContext& request) {
  std::string_view query = request.path.query;
  if (query.empty()) return std::nullopt;
  query.remove_prefix(1);
  std::optional<std::string_view> encoded;
  for_each_parameter(query, [&encoded](std::string_view name, std::string_view value) {
    if (decodes_to(name, kParameter)) encoded = value;
  });
  if (!encoded || encoded->find_first_of("%+") == std::string_view::npos) return encoded;
  const auto room = request.arena.allocate(encoded->size());
  std::size_t size = 0;
  for (std::string_view rest = *encoded; !rest.empty();)
    room[size++] = static_cast<std::byte>(take_decoded(rest));
  return as_text(room.first(size));
}

Reason reason_of(TokenFlaw flaw) {
  switch (flaw) {
    case TokenFlaw::malformed: return Reason::auth_malformed;
    case TokenFlaw::expired: return Reason::auth_expired;
    default: return Reason::auth_wrong;
  }
}

Verdict refuse_token(RequestContext& request, Reply& reply, TokenFlaw flaw) {
  const std::string_view why = text_of(flaw);
  return refuse_credentials(
      request, reply,
      {.reason = reason_of(flaw),
       .challenge = request.arena.join(
           {kChallenge, R"(, error="invalid_token", )", R"(error_description=")", why, "\""}),
       .why = why});
}

}  // namespace

JwtFilter::JwtFilter(std::shared_ptr<KeySource> keys, TokenPolicy policy, AuthShared& shared)
    : keys_(std::move(keys)), policy_(std::move(policy)), shared_(shared) {
  const std::uint64_t issuer_size = policy_.issuer.size();
  const std::uint64_t claims = static_cast<std::uint64_t>(policy_.claims);
  id_ = sha256({number_text(claims), number_text(issuer_size), policy_.issuer, policy_.audience});
}

Verdict JwtFilter::on_request_head(RequestContext& request, Reply& reply) const {
  if (const auto token = token_in_query(request)) return check(request, reply, *token);
  const SingleField field = single_field(request.request.fields, FieldId::authorization);
  if (field.state == SingleField::State::repeated)
    return refuse_token(request, reply, TokenFlaw::malformed);
  const auto token = credentials_of(field.value, "bearer");
  if (!token)
    return refuse_credentials(request, reply,
                              {.reason = Reason::auth_missing, .challenge = kChallenge});
  return check(request, reply, *token);
}

Verdict JwtFilter::check(RequestContext& request, Reply& reply, std::string_view token) const {
  if (token.size() > kMaxTokenBytes) return refuse_token(request, reply, TokenFlaw::malformed);
  const std::uint64_t version = keys_->version();
  const Sha256 digest = sha256({shared_.key(), as_text(id_), number_text(version), token});
  CredentialCache* const cache = request.worker ? &shared_.cache(*request.worker) : nullptr;
  if (cache && cache->knows(digest, request.wall_time)) return Verdict::proceed;
  const auto keys = keys_->keys();
  if (!keys)
    return refuse_for_now(request, reply, Reason::auth_unavailable,
                          "the keys of the issuer could not be fetched yet");
  const TokenCheck result = check_token(token, *keys, policy_, request.wall_time);
  if (result.flaw == TokenFlaw::unknown_key) keys_->ask_for_refresh();
  if (result.flaw != TokenFlaw::none) return refuse_token(request, reply, result.flaw);
  if (cache) cache->add(digest, result.expires, request.wall_time);
  return Verdict::proceed;
}

std::string JwtFilter::describe() const {
  std::string out = policy_.claims == TokenPolicy::Claims::aralez
                        ? "authorization: jwt, HS256"
                        : "authorization: jwt, signed with a private key";
  if (!policy_.issuer.empty()) out += ", from " + policy_.issuer;
  if (!policy_.audience.empty()) out += ", for " + policy_.audience;
  return out;
}

}  // namespace aralez
