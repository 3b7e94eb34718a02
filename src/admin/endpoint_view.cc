#include "admin/endpoint_view.h"

#include "cluster/health_state.h"

namespace aralez {
namespace {

/// What the configuration says, before anything was sent.
UpstreamProtocol protocol_of(ProtocolPin pin) {
  switch (pin) {
    case ProtocolPin::detect: break;
    case ProtocolPin::http: return UpstreamProtocol::plain_h1;
    case ProtocolPin::https: return UpstreamProtocol::tls_h1;
    case ProtocolPin::h2c: return UpstreamProtocol::h2c;
  }
  return UpstreamProtocol::unknown;
}

}  // namespace

EndpointView view_of(const EndpointSpec& spec) {
  EndpointView out{.protocol = protocol_of(spec.pin)};
  if (spec.health) out.alive = spec.health->verdict() != Health::down;
  if (!spec.state) return out;
  if (const UpstreamProtocol seen = spec.state->totals().protocol;
      seen != UpstreamProtocol::unknown)
    out.protocol = seen;
  return out;
}

}  // namespace aralez
