#include "filter/auth/basic/basic.h"

#include <array>

#include "base/base64.h"
#include "filter/auth/refusal.h"
#include "http/offloaded_step.h"

namespace aralez {
namespace {

constexpr std::string_view kChallenge = R"(Basic realm="aralez", charset="UTF-8")";
constexpr std::size_t kMaxEncoded = 4096;
/// How long a good credential is remembered after its last use, seconds.
constexpr std::int64_t kRemembered = 600;

Verdict refuse(RequestContext& request, Reply& reply, Reason reason, std::string_view why = {}) {
  return refuse_credentials(request, reply,
                            {.reason = reason, .challenge = kChallenge, .why = why});
}

}  // namespace

Verdict BasicFilter::on_request_head(RequestContext& request, Reply& reply) const {
  const SingleField field = single_field(request.request.fields, FieldId::authorization);
  if (field.state == SingleField::State::repeated)
    return refuse(request, reply, Reason::auth_malformed, "more than one Authorization");
  const auto encoded = credentials_of(field.value, "basic");
  if (!encoded) return refuse(request, reply, Reason::auth_missing);
  if (encoded->size() > kMaxEncoded)
    return refuse(request, reply, Reason::auth_malformed, "too long");
  std::array<char, base64_room(kMaxEncoded)> decoded;
  const auto size = decode_base64(*encoded, decoded, Base64::standard);
  if (!size) return refuse(request, reply, Reason::auth_malformed, "no base64");
  const std::string_view credentials(decoded.data(), *size);
  if (!credentials.contains(':')) return refuse(request, reply, Reason::auth_malformed, "no colon");
  if (accounts_->has_plain(credentials)) return Verdict::proceed;
  if (!accounts_->has_hashes()) return refuse(request, reply, Reason::auth_wrong);
  return check_hashed(request, reply, credentials);
}

Verdict BasicFilter::check_hashed(RequestContext& request, Reply& reply,
                                  std::string_view credentials) const {
  if (request.worker == nullptr)  // --explain
    return refuse_for_now(request, reply, Reason::auth_unavailable,
                          "no passwords are checked here");
  const Sha256 digest = sha256({shared_.key(), accounts_->id(), credentials});
  CredentialCache& cache = shared_.cache(*request.worker);
  if (cache.knows(digest, request.wall_time)) {
    cache.add(digest, request.wall_time + kRemembered, request.wall_time);
    return Verdict::proceed;
  }
  const auto colon = credentials.find(':');
  auto job = [accounts = accounts_, user = std::string(credentials.substr(0, colon)),
              password = std::string(credentials.substr(colon + 1)), this, digest]() -> FinishStep {
    const bool good = accounts->fits_hashed(user, password);
    // Runs only for a request that is still there, and with it this filter.
    return [this, digest, good](RequestContext& r, Reply& answer) {
      if (!good) return refuse(r, answer, Reason::auth_wrong);
      shared_.cache(*r.worker).add(digest, r.wall_time + kRemembered, r.wall_time);
      return Verdict::proceed;
    };
  };
  const Verdict verdict = offload(request, shared_.passwords(), std::move(job));
  if (verdict == Verdict::wait) return verdict;
  return refuse_for_now(request, reply, Reason::auth_busy, {});
}

std::string BasicFilter::describe() const {
  return "authorization: basic, entries: " + std::to_string(accounts_->size());
}

}  // namespace aralez
