#include "control/health/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "io/socket_address.h"

namespace aralez {
namespace {

using Kind = ProbeOutcome::Kind;
using Spec = HealthCheckSpec::Kind;

/// While there are other wires to try, one that is not known to be spoken has at most this long.
constexpr Millis kAnswer{2'000};

constexpr int kUnimplemented = 12;  // codes of gRPC

std::optional<Wire> wire_of(UpstreamProtocol p) noexcept {
  switch (p) {
    case UpstreamProtocol::unknown: break;
    case UpstreamProtocol::plain_h1: return Wire::plain_h1;
    case UpstreamProtocol::h2c: return Wire::h2c;
    case UpstreamProtocol::tls_h1:
    case UpstreamProtocol::tls_h2: return Wire::tls;
  }
  return std::nullopt;
}

WireSet allowed_for(const HealthState& state) {
  const HealthTarget& target = state.target();
  const bool grpc = state.spec().kind == Spec::grpc;
  WireSet allowed;
  switch (target.pin) {
    case ProtocolPin::http: allowed.add(grpc ? Wire::h2c : Wire::plain_h1); return allowed;
    case ProtocolPin::h2c: allowed.add(Wire::h2c); return allowed;
    case ProtocolPin::https: allowed.add(Wire::tls); return allowed;
    case ProtocolPin::detect: break;
  }
  allowed.add(Wire::tls);
  if (target.tls && target.tls->verify) return allowed;
  allowed.add(Wire::h2c);
  if (!grpc) allowed.add(Wire::plain_h1);
  return allowed;
}

/// Requests go by either then. An address is none where the route has a name.
bool has_two_names(const HealthTarget& target) {
  return !target.server_name.empty() && target.server_name != target.host &&
         !SocketAddress::from_ip(target.host, 1);
}

/// As it is written where somebody can act on it.
std::string_view name_of_grpc_status(int status) {
  constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                       "CANCELLED",
                                                       "UNKNOWN",
                                                       "INVALID_ARGUMENT",
                                                       "DEADLINE_EXCEEDED",
                                                       "NOT_FOUND",
                                                       "ALREADY_EXISTS",
                                                       "PERMISSION_DENIED",
                                                       "RESOURCE_EXHAUSTED",
                                                       "FAILED_PRECONDITION",
                                                       "ABORTED",
                                                       "OUT_OF_RANGE",
                                                       "UNIMPLEMENTED",
                                                       "INTERNAL",
                                                       "UNAVAILABLE",
                                                       "DATA_LOSS",
                                                       "UNAUTHENTICATED"};
  const auto i = static_cast<std::size_t>(status);
  return status >= 0 && i < kNames.size() ? kNames[i] : "of an unknown status";
}

}  // namespace

Probe::Probe(const HealthState& state) : state_(state), allowed_(allowed_for(state)) {}

std::optional<Wire> Probe::next_wire() const {
  for (const Wire w : {Wire::tls, Wire::h2c, Wire::plain_h1})
    if (allowed_.has(w) && !tried_.has(w)) return w;
  return std::nullopt;
}

Probe::Ask Probe::ask_on(Wire wire) const {
  switch (state_.spec().kind) {
    case Spec::grpc: return Ask::grpc;
    case Spec::automatic: return wire == Wire::h2c && grpc_is_spoken_ ? Ask::grpc : Ask::http;
    case Spec::http: break;
  }
  return Ask::http;
}

ProbeStep Probe::step(Wire wire, Ask ask, Millis left) {
  tried_.add(wire);
  step_ = {.wire = wire, .ask = ask, .name = name_, .time = left};
  return step_;
}

ProbeStep Probe::begin(UpstreamProtocol known, Millis time) {
  tried_.clear();
  names_tried_ = settings_seen_ = reached_ = false;
  verdict_ = Verdict::none;
  error_.clear();
  first_error_.clear();
  unanswered_.clear();
  std::optional<Wire> wire = wire_of(known);
  if (!wire || !allowed_.has(*wire)) wire = spoken_;
  if (allowed_.single()) wire = next_wire();
  knows_ = wire.has_value();
  if (wire) return step(*wire, ask_on(*wire), time);
  return guess(Wire::tls, time);  // wherever there is a choice, it is one
}

/// While there are others to try, one has its share of the time.
ProbeStep Probe::guess(Wire wire, Millis left) {
  ProbeStep next = step(wire, wire == Wire::h2c ? Ask::greeting : ask_on(wire), left);
  if (next_wire()) next.time = std::min(kAnswer, left * 2 / 5);
  return step_ = next;
}

/// The next one to find out by; a check that has tried them all is over.
std::optional<ProbeStep> Probe::other_wire(const ProbeOutcome& outcome, Millis left) {
  if (knows_ && first_error_.empty()) first_error_ = outcome.error;
  const auto wire = next_wire();
  if (left <= Millis(0)) return end(Verdict::bad, outcome.error);
  if (!wire)
    return end(Verdict::bad, knows_                             ? first_error_
                             : state_.spec().kind == Spec::grpc ? "does not speak HTTP/2"
                                                                : "speaks neither TLS nor HTTP");
  return guess(*wire, left);
}

std::optional<ProbeStep> Probe::end(Verdict verdict, std::string error) {
  verdict_ = verdict;
  error_ = std::move(error);
  if (verdict == Verdict::good) {
    spoken_ = step_.wire;
    name_ = step_.name;
  }
  return std::nullopt;
}

std::optional<ProbeStep> Probe::next(const ProbeOutcome& outcome, Millis left) {
  switch (outcome.kind) {
    case Kind::ours: return end(Verdict::none, outcome.error);
    case Kind::unreachable:
      grpc_is_spoken_ = true;  // another may listen there next
      return end(Verdict::bad, outcome.error);
    case Kind::unverified: {
      reached_ = true;
      if (!has_two_names(state_.target()) || names_tried_ || !state_.spec().host.empty() ||
          left <= Millis(0))
        return end(Verdict::bad, outcome.error);
      names_tried_ = true;
      ProbeStep again = step(step_.wire, step_.ask, left);
      again.name =
          name_ == ProbeStep::Name::route ? ProbeStep::Name::endpoint : ProbeStep::Name::route;
      return step_ = again;
    }
    case Kind::spoke_tls:
      reached_ = true;
      spoken_ = Wire::tls;
      return end(Verdict::bad, outcome.error);
    case Kind::answered:
    case Kind::no_answer:
    case Kind::too_slow: reached_ = true; break;
  }
  switch (step_.ask) {
    case Ask::greeting: return judge_greeting(outcome, left);
    case Ask::grpc:
      if (outcome.kind == Kind::answered) return judge_grpc(outcome, left);
      break;
    case Ask::http:
      if (outcome.kind == Kind::answered) return judge_http(outcome);
      break;
  }
  // HTTP/2 in clear, but not the answer that was wanted: whether it speaks at all.
  if (step_.wire == Wire::h2c && settings_seen_) return greeted(outcome.error);
  if (step_.wire == Wire::h2c && left > Millis(0)) {
    unanswered_ = outcome.error;
    return step(Wire::h2c, Ask::greeting, left);
  }
  return other_wire(outcome, left);
}

std::optional<ProbeStep> Probe::judge_http(const ProbeOutcome& outcome) {
  if (state_.spec().expects(outcome.status)) return end(Verdict::good, {});
  spoken_ = step_.wire;
  return end(Verdict::bad, fmt::format("status {}", outcome.status));
}

std::optional<ProbeStep> Probe::judge_grpc(const ProbeOutcome& outcome, Millis left) {
  spoken_ = step_.wire;
  const bool asked_for = state_.spec().kind == Spec::grpc;
  if (outcome.grpc_status == 0)
    return outcome.grpc_serving ? end(Verdict::good, {})
                                : end(Verdict::bad, "says by gRPC that it is not serving");
  if (asked_for)
    return end(Verdict::bad, outcome.grpc_status
                                 ? fmt::format("gRPC health check answered {}",
                                               name_of_grpc_status(*outcome.grpc_status))
                                 : fmt::format("no answer of gRPC, but status {}", outcome.status));
  // It has no such service: what it says to a request decides.
  if (!outcome.grpc_status || *outcome.grpc_status == kUnimplemented) grpc_is_spoken_ = false;
  if (left <= Millis(0)) return end(Verdict::good, {});
  return step(Wire::h2c, Ask::http, left);
}

std::optional<ProbeStep> Probe::judge_greeting(const ProbeOutcome& outcome, Millis left) {
  const std::string error = std::exchange(unanswered_, {});
  if (outcome.kind != Kind::answered)
    return other_wire(error.empty() ? outcome : ProbeOutcome{.error = error}, left);
  spoken_ = Wire::h2c;
  settings_seen_ = true;
  if (!error.empty() || left <= Millis(0)) return greeted(error);
  return step(Wire::h2c, ask_on(Wire::h2c), left);
}

/// It speaks HTTP/2, if not to us (behaviour section 5.1).
std::optional<ProbeStep> Probe::greeted(const std::string& error) {
  if (state_.spec().kind == Spec::automatic) return end(Verdict::good, {});
  return end(Verdict::bad, error.empty() ? "no answer in time" : error);
}

}  // namespace aralez
