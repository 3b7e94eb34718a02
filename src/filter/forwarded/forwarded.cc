#include "filter/forwarded/forwarded.h"

namespace aralez {

Verdict ForwardedFilter::on_request_head(RequestContext& r, Reply&) const {
  Fields& fields = r.request.fields;
  std::string_view chain;
  bool ours = false;
  for (const Field& f : fields) {
    switch (f.id) {
      case FieldId::x_forwarded_for:
        if (!f.value.empty())
          chain = chain.empty() ? f.value : r.arena.join({chain, ", ", f.value});
        [[fallthrough]];
      case FieldId::x_forwarded_proto:
      case FieldId::x_forwarded_host:
      case FieldId::x_real_ip:
      case FieldId::forwarded: ours = true; break;
      default: break;
    }
  }
  if (ours) {
    fields.remove_if([](const Field& f) {
      return f.id == FieldId::x_forwarded_for || f.id == FieldId::x_forwarded_proto ||
             f.id == FieldId::x_forwarded_host || f.id == FieldId::x_real_ip ||
             f.id == FieldId::forwarded;
    });
  }
  const auto all = chain.empty() ? r.client.ip : r.arena.join({chain, ", ", r.client.ip});
  fields.add(r.arena, {"X-Forwarded-For", all, FieldId::x_forwarded_for});
  fields.add(r.arena,
             {"X-Forwarded-Proto", r.client.tls ? "https" : "http", FieldId::x_forwarded_proto});
  if (!r.request.authority.empty())
    fields.add(r.arena, {"X-Forwarded-Host", r.request.authority, FieldId::x_forwarded_host});
  fields.add(r.arena, {"X-Real-IP", r.client.ip, FieldId::x_real_ip});
  return Verdict::proceed;
}

}  // namespace aralez
