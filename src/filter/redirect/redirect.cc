#include "filter/redirect/redirect.h"

namespace aralez {
namespace {

Verdict redirect(RequestContext& request, Reply& reply, std::string_view location, Reason why) {
  const bool safe = request.request.method == Method::get || request.request.method == Method::head;
  reply.status = safe ? 301 : 308;
  reply.fields.add(request.arena, {"Location", location, FieldId::location});
  reply.length = BodyLength::of(0);
  reply.reason = why;
  return Verdict::replied;
}

}  // namespace

Verdict RedirectFilter::on_request_head(RequestContext& request, Reply& reply) const {
  const std::string_view target = request.path.forward == "*" ? "/" : request.path.forward;
  if (!config_.redirect_to.empty())
    return redirect(request, reply, request.arena.join({config_.redirect_to, target}),
                    Reason::redirect);
  if (!config_.to_https || request.client.tls) return Verdict::proceed;
  if (request.host.empty()) {  // nothing to build a URL from
    reply.status = 400;
    reply.length = BodyLength::of(0);
    reply.reason = Reason::no_host;
    reply.why = "to_https needs a host";
    return Verdict::replied;
  }
  const std::string port =
      config_.https_port == 443 ? "" : ":" + std::to_string(config_.https_port);
  return redirect(request, reply, request.arena.join({"https://", request.host, port, target}),
                  Reason::https_redirect);
}

std::string RedirectFilter::describe() const {
  if (!config_.redirect_to.empty()) return "redirect: to " + config_.redirect_to + "<path>";
  return "redirect: plain requests to https, port " + std::to_string(config_.https_port);
}

}  // namespace aralez
