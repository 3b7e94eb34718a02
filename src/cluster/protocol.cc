#include "cluster/protocol.h"

#include <utility>

namespace aralez {
namespace {

constexpr Millis kProbesApart{5'000};        ///< at least, when what is known is doubted
constexpr Millis kSilenceCountsFor{30'000};  ///< then it is asked again
constexpr Millis kHttp1CountsFor{300'000};

Wire wire_of(UpstreamProtocol p) noexcept {
  if (over_tls(p)) return Wire::tls;
  return p == UpstreamProtocol::h2c ? Wire::h2c : Wire::plain_h1;
}

}  // namespace

std::string_view name_of(UpstreamProtocol p) noexcept {
  switch (p) {
    case UpstreamProtocol::unknown: return "unknown";
    case UpstreamProtocol::plain_h1: return "HTTP/1.1";
    case UpstreamProtocol::h2c: return "HTTP/2";
    case UpstreamProtocol::tls_h1: return "HTTP/1.1 over TLS";
    case UpstreamProtocol::tls_h2: return "HTTP/2 over TLS";
  }
  return {};
}

Detection::Detection(const EndpointSpec& spec) {
  if (spec.pin == ProtocolPin::h2c) {
    allowed_.add(Wire::h2c);
    protocol_ = UpstreamProtocol::h2c;
  } else if (spec.pin == ProtocolPin::http || !spec.tls) {
    allowed_.add(Wire::plain_h1);
    protocol_ = UpstreamProtocol::plain_h1;
  } else {
    allowed_.add(Wire::tls);
    if (spec.pin == ProtocolPin::https || spec.tls->policy().verify) return;
    allowed_.add(Wire::h2c);
    allowed_.add(Wire::plain_h1);
  }
}

std::optional<Wire> Detection::next(const WireSet& tried, TimePoint now) const noexcept {
  if (const auto p = known(now); p != UpstreamProtocol::unknown && !tried.has(wire_of(p)))
    return wire_of(p);
  for (const Wire w : {Wire::tls, Wire::h2c, Wire::plain_h1})
    if (allowed_.has(w) && !tried.has(w)) return w;
  return std::nullopt;
}

bool Detection::found(UpstreamProtocol p, Evidence evidence, TimePoint now) noexcept {
  const bool news = p != protocol_;
  protocol_ = p;
  doubted_ = hung_up_ = false;
  found_at_ = now;
  sure_until_ = evidence == Evidence::silence ? now + kSilenceCountsFor : TimePoint::max();
  return news;
}

bool Detection::hung_up() noexcept {
  return !over_tls(protocol_) || std::exchange(hung_up_, true);
}

bool Detection::wants_http1(TimePoint now) noexcept {
  const bool news = !http1_wanted(now);
  http1_until_ = now + kHttp1CountsFor;
  return news;
}

void Detection::doubt(TimePoint now) noexcept {
  if (detects() && now >= found_at_ + kProbesApart) doubted_ = true;
}

}  // namespace aralez
