#include "filter/auth/apikey/apikey.h"

#include "filter/auth/refusal.h"

namespace aralez {
namespace {

/// No registered scheme; RFC 9110 section 15.5.2 wants one all the same.
constexpr std::string_view kChallenge = R"(ApiKey realm="aralez", header="x-api-key")";

}  // namespace

Verdict ApiKeyFilter::on_request_head(RequestContext& request, Reply& reply) const {
  const auto refuse = [&](Reason reason, std::string_view why = {}) {
    return refuse_credentials(request, reply,
                              {.reason = reason, .challenge = kChallenge, .why = why});
  };
  const SingleField field = single_field(request.request.fields, FieldId::x_api_key);
  switch (field.state) {
    case SingleField::State::absent: return refuse(Reason::auth_missing);
    case SingleField::State::repeated:
      return refuse(Reason::auth_malformed, "more than one x-api-key");
    case SingleField::State::present: break;
  }
  return keys_->contains(field.value) ? Verdict::proceed : refuse(Reason::auth_wrong);
}

std::string ApiKeyFilter::describe() const {
  return "authorization: apikey, keys: " + std::to_string(keys_->size());
}

}  // namespace aralez
