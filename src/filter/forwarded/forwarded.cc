#include "filter/forwarded/forwarded.h"

namespace aralez {

namespace {

constexpr FieldSet kOurs{FieldId::x_forwarded_for, FieldId::x_forwarded_proto,
                         FieldId::x_forwarded_host, FieldId::x_real_ip, FieldId::forwarded};
/// The address of the client is ours to say in any case: the upstream is to see the one that limits
/// and logs have.
constexpr FieldSet kOursBehindTrusted{FieldId::x_forwarded_for, FieldId::x_real_ip};

/// Takes out what is ours to say; the values of X-Forwarded-For, joined.
std::string_view take_forwarded(Fields& fields, FieldSet ours, Arena& arena) {
  std::string_view chain;
  for (const Field& f : fields) {
    if (f.id == FieldId::x_forwarded_for && !f.value.empty())
      chain = chain.empty() ? f.value : arena.join({chain, ", ", f.value});
  }
  fields.remove_if([ours](const Field& f) { return ours.has(f.id); });
  return chain;
}

}  // namespace

Verdict ForwardedFilter::on_request_head(RequestContext& r, Reply&) const {
  Fields& fields = r.request.fields;
  marks_.keep_own(fields);
  const FieldSet ours = r.client.trusted ? kOursBehindTrusted : kOurs;
  std::string_view chain;
  if (fields.kinds().meets(ours)) chain = take_forwarded(fields, ours, r.arena);
  const auto all = chain.empty() ? r.client.peer_ip : r.arena.join({chain, ", ", r.client.peer_ip});
  fields.add(r.arena, {"X-Forwarded-For", all, FieldId::x_forwarded_for});
  if (!r.client.trusted || !fields.find(FieldId::x_forwarded_proto))
    fields.add(r.arena,
               {"X-Forwarded-Proto", r.client.tls ? "https" : "http", FieldId::x_forwarded_proto});
  if (!r.request.authority.empty() &&
      (!r.client.trusted || !fields.find(FieldId::x_forwarded_host)))
    fields.add(r.arena, {"X-Forwarded-Host", r.request.authority, FieldId::x_forwarded_host});
  fields.add(r.arena, {"X-Real-IP", r.client.ip, FieldId::x_real_ip});
  return Verdict::proceed;
}

}  // namespace aralez
