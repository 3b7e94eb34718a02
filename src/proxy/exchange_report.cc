// What is said of a request: counters, the log, the access log.

#include <fmt/format.h>

#include "observe/redact.h"
#include "proxy/context.h"
#include "proxy/exchange.h"

namespace aralez {
namespace {

constexpr std::string_view kRequestIdField = "X-Request-ID";

std::chrono::nanoseconds since(TimePoint start, std::optional<TimePoint> then) {
  return then ? *then - start : std::chrono::nanoseconds(-1);
}

}  // namespace

void Exchange::note(std::uint16_t status, Reason reason, std::string_view why) {
  reason_ = reason;
  context_.counters.add(reason);
  if (!context_.logger.enabled(LogLevel::info)) return;
  std::string scratch;
  context_.logger.write(
      LogLevel::info, "aralez::proxy",
      fmt::format("{} {}: {}{}{}, {} {} host {} client {}", status, to_string(reason),
                  text_of(reason), why.empty() ? "" : ": ", why, request_.method_text,
                  redact_target(request_.target, scratch), request_.authority, client_->ip));
}

RequestSummary Exchange::summary() const {
  return {.status = status_,
          .reason = reason_,
          .grpc_status = grpc_status_,
          .complete = response_end_ == End::yes,
          .started = started_,
          .ended = context_.reactor.now(),
          .connected = attempt_.began(),
          .first_byte = first_byte_,
          .bytes_in = bytes_in_,
          .bytes_out = bytes_out_,
          .attempts = attempt_.tries()};
}

/// Neither the API nor the file server is what the metrics are about; requests that the file server
/// has from the proxy would count twice.
void Exchange::count() {
  if (role_ != ListenerRole::proxy) return;
  CounterBlock& c = context_.counters;
  const auto took = context_.reactor.now() - started_;
  const bool complete = response_end_ == End::yes;
  c.add(Counter::requests);
  c.add(static_cast<MethodLabel>(request_.method));
  c.add(static_cast<VersionLabel>(request_.version));
  c.add_status(status_);
  c.add_latency(took);
  if (status_ >= 500 || !complete) c.add(Counter::errors);
  context_.routes.add(route_ ? route_->series : RouteSeries::kNoRoute, status_, complete, took);
}

void Exchange::write_access_line() {
  AccessChannel& log = *context_.access_log;
  if (role_ != ListenerRole::proxy || !log.wants(status_)) return;
  const RequestSummary s = summary();
  AccessRecord r{.facts = {.ended = s.ended,
                           .total = s.ended - s.started,
                           .connected = since(s.started, s.connected),
                           .first_byte = since(s.started, s.first_byte),
                           .bytes_in = s.bytes_in,
                           .bytes_out = s.bytes_out,
                           .attempts = s.attempts,
                           .status = s.status,
                           .version = static_cast<VersionLabel>(request_.version),
                           .grpc_status = s.grpc_status,
                           .tls = client_->tls_version}};
  r.text(AccessText::method) = request_.method_text;
  r.text(AccessText::target) = asked_target_;
  r.text(AccessText::host) = request_.authority;
  r.text(AccessText::client) = client_->ip;
  if (asked_agent_) r.text(AccessText::user_agent) = *asked_agent_;
  if (log.detailed()) {
    const bool failed = s.status < 200 || s.status >= 300 || s.grpc_status.value_or(0) != 0;
    if (failed || !s.complete) r.facts.reason = s.reason;
    if (s.connected && attempt_.protocol() != UpstreamProtocol::unknown)
      r.facts.upstream_protocol = label_of(attempt_.protocol());
    if (const EndpointPool* p = attempt_.endpoint(); p && p->spec().state)
      r.text(AccessText::upstream) = p->spec().state->name();
    if (route_) {
      // The first filter of every route has set it.
      if (const Field* id = request_.fields.find(kRequestIdField))
        r.text(AccessText::request_id) = id->value;
      r.text(AccessText::route_host) = route_->host;
      r.text(AccessText::route_path) = route_->path;
    }
  }
  log.add(r);
}

}  // namespace aralez
