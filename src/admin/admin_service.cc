#include "admin/admin_service.h"

#include "admin/answer.h"
#include "admin/call.h"
#include "admin/metrics_page.h"
#include "admin/query.h"
#include "admin/status.h"
#include "base/utf8.h"
#include "jwt/issue.h"

namespace aralez {
namespace {

constexpr std::size_t kMaxConf = 2 * 1024 * 1024;  // behaviour section 12
constexpr std::size_t kMaxTokenRequest = 64 * 1024;

MatchedCall call_of(const RequestContext& request) {
  return match_call(request.request.method, request.request.target);
}

/// Bodies that were waited for are in memory.
std::string text_of(const Chain& body) {
  std::string out;
  out.reserve(body.bytes());
  for (std::size_t i = 0; i < body.count(); ++i) out += body[i].slice().text();
  return out;
}

Verdict wrong_method(RequestContext& request, Reply& reply, std::string_view allow) {
  reply.fields.add(request.arena, {"allow", allow});
  return refuse(request, reply, 405, Reason::method_not_allowed);
}

Verdict too_many_keys(RequestContext& request, Reply& reply, Millis left) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  reply.fields.add(request.arena, {"retry-after", request.arena.copy(std::to_string(seconds))});
  return refuse(request, reply, 429, Reason::auth_throttled);
}

Verdict submitted(RequestContext& request, Reply& reply,
                  const std::expected<void, std::string>& result) {
  if (result)
    return answer(request, reply, 200, content::kNone, "Accepted! Applying in background\n");
  return refuse(request, reply, 502, Reason::api_bad_config, content::kNone,
                "Failed: " + result.error());
}

}  // namespace

Millis AdminService::shut_out(const RequestContext& request, Call call) const {
  if (!services_.throttle.left || !access_.asks_for_key(request, call)) return Millis{0};
  return services_.throttle.left(request);
}

void AdminService::note_wrong_key(const RequestContext& request) const {
  if (services_.throttle.failed) services_.throttle.failed(request);
}

std::size_t AdminService::max_body(const RequestContext& request) const {
  const MatchedCall called = call_of(request);
  if (shut_out(request, called.call) > Millis{0}) return 0;
  if (!called.allow.empty() || access_.judge(request, called.call) != AccessRules::Verdict::open)
    return 0;
  if (called.call == Call::conf) return services_.config_api_enabled ? kMaxConf : 0;
  return called.call == Call::jwt ? kMaxTokenRequest : 0;
}

Verdict AdminService::respond(RequestContext& request, const Chain& body, Reply& reply) const {
  const MatchedCall called = call_of(request);
  if (const Millis left = shut_out(request, called.call); left > Millis{0})
    return too_many_keys(request, reply, left);
  if (const auto verdict = access_.judge(request, called.call);
      verdict != AccessRules::Verdict::open) {
    if (verdict == AccessRules::Verdict::wrong_key) note_wrong_key(request);
    return refuse(request, reply, 403, reason_of(verdict), content::kNone, "Access Denied !\n");
  }
  if (!called.allow.empty()) return wrong_method(request, reply, called.allow);
  switch (called.call) {
    case Call::conf: return conf(request, body, reply);
    case Call::jwt: return jwt(request, body, reply);
    case Call::status: return status(request, reply);
    case Call::acme_create: return acme_create(request, reply);
    case Call::acme_order: return acme_order(request, called.rest, reply);
    case Call::acme_challenge:
      return answer_challenge(request, reply, *services_.challenges, called.rest);
    case Call::page: return page(request, reply);
    case Call::metrics: return metrics(request, reply);
    case Call::none: break;
  }
  return refuse(request, reply, 404, Reason::api_not_found);
}

Verdict AdminService::page(RequestContext& request, Reply& reply) const {
  reply.fields.add(request.arena, {"content-security-policy", page_policy_});
  reply.fields.add(request.arena,
                   {"referrer-policy", "no-referrer"});  // its address may have the key
  return answer(request, reply, 200, content::kHtml, kPageHtml);
}

Verdict AdminService::conf(RequestContext& request, const Chain& body, Reply& reply) const {
  if (!services_.config_api_enabled)
    return refuse(request, reply, 403, Reason::api_disabled, content::kNone,
                  "Config API is disabled !\n");
  std::string text = text_of(body);
  if (!is_utf8(text))
    return refuse(request, reply, 400, Reason::api_bad_config, content::kTextUtf8,
                  "The body is not UTF-8\n");
  const auto save =
      has_parameter(request.path.query, "save") ? Reloader::Save::yes : Reloader::Save::no;
  OffloadedJob job = [this, save, text = std::move(text)]() mutable -> FinishStep {
    return [result = services_.submit(std::move(text), save)](RequestContext& r, Reply& out) {
      return submitted(r, out, result);
    };
  };
  return later(request, reply, jobs_, std::move(job));
}

Verdict AdminService::jwt(RequestContext& request, const Chain& body, Reply& reply) const {
  const TokenAnswer token =
      answer_token_request(request.request.fields.value(FieldId::content_type), text_of(body),
                           services_.access.master_key, request.wall_time);
  if (token.status < 300)
    return answer(request, reply, token.status, token.content_type, token.body);
  if (token.status == 403) note_wrong_key(request);
  return refuse(request, reply, token.status, Reason::api_no_token, token.content_type, token.body);
}

Verdict AdminService::status(RequestContext& request, Reply& reply) const {
  const std::string_view query = request.path.query;
  using Maker = std::string (*)(const StatusInput&);
  Maker make = nullptr;
  if (has_parameter(query, "live"))
    make = [](const StatusInput& in) { return live_status(*in.config.active); };
  else if (has_parameter(query, "all"))
    make = [](const StatusInput& in) { return all_status(*in.config.active, in.routes); };
  else if (query_value(query, "format") == "json")
    make = status_report;
  if (!make)
    return refuse(request, reply, 500, Reason::api_bad_call, content::kNone, "Parameter mismatch");
  return made_later(request, reply, content::kJson,
                    [make, this] { return make(services_.read_status()); });
}

Verdict AdminService::metrics(RequestContext& request, Reply& reply) const {
  const Field* accept = request.request.fields.find("accept");
  const MetricsFormat format = metrics_format_for(accept ? accept->value : std::string_view());
  return made_later(request, reply, content_type_of(format), [this, format] {
    return render_metrics(metrics_of(services_.read_status()), format);
  });
}

Verdict AdminService::made_later(RequestContext& request, Reply& reply, std::string_view type,
                                 std::move_only_function<std::string()> make) const {
  return later(request, reply, jobs_, [type, make = std::move(make)]() mutable -> FinishStep {
    return [type, text = make()](RequestContext& r, Reply& out) {
      return answer(r, out, 200, type, text);
    };
  });
}

Verdict AdminService::acme_create(RequestContext& request, Reply& reply) const {
  return later(request, reply, order_jobs_, [this]() -> FinishStep {
    return [made = services_.create_account()](RequestContext& r, Reply& out) {
      if (made) return answer(r, out, 200, content::kText, *made + "\n");
      return refuse(r, out, 500, Reason::api_no_certificate, content::kNone,
                    "Failed to create account: " + made.error() + "\n");
    };
  });
}

Verdict AdminService::acme_order(RequestContext& request, std::string_view rest,
                                 Reply& reply) const {
  std::string name(rest);
  while (name.starts_with('/')) name.erase(0, 1);
  while (name.ends_with('/')) name.pop_back();
  if (name.empty()) return refuse(request, reply, 404, Reason::api_not_found);
  return later(request, reply, order_jobs_, [this, name = std::move(name)]() -> FinishStep {
    return [outcome = services_.order_certificate(name)](RequestContext& r, Reply& out) {
      if (!outcome)
        return refuse(r, out, 500, Reason::api_no_certificate, content::kNone,
                      "Failed to order a certificate: " + outcome.error() + "\n");
      return answer(r, out, 200, content::kText,
                    *outcome == CertificateOrders::Outcome::issued
                        ? "Certificate is successfully generated \n"
                        : "Fresh certificate exists. Not renewing ! \n");
    };
  });
}

Verdict AdminService::later(RequestContext& request, Reply& reply, JobPool& pool,
                            OffloadedJob job) {
  if (!request.driver) return job()(request, reply);  // unit tests
  if (offload(request, pool, std::move(job)) == Verdict::wait) return Verdict::wait;
  return refuse(request, reply, 503, Reason::out_of_resources, content::kNone,
                "Too many calls wait\n");
}

}  // namespace aralez
