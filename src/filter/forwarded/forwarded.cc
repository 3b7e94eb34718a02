#include "filter/forwarded/forwarded.h"

namespace aralez {

namespace {

constexpr FieldSet kOurs{FieldId::x_forwarded_for, FieldId::x_forwarded_proto,
                         FieldId::x_forwarded_host, FieldId::x_real_ip, FieldId::forwarded};

/// Takes out what is ours to say; the values of X-Forwarded-For, joined.
std::string_view take_forwarded(Fields& fields, Arena& arena) {
  std::string_view chain;
  for (const Field& f : fields) {
    if (f.id == FieldId::x_forwarded_for && !f.value.empty())
      chain = chain.empty() ? f.value : arena.join({chain, ", ", f.value});
  }
  fields.remove_if([](const Field& f) { return kOurs.has(f.id); });
  return chain;
}

}  // namespace

Verdict ForwardedFilter::on_request_head(RequestContext& r, Reply&) const {
  Fields& fields = r.request.fields;
  std::string_view chain;
  if (fields.kinds().meets(kOurs)) chain = take_forwarded(fields, r.arena);
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
