#pragma once

#include <optional>
#include <string>

#include "cluster/health_state.h"

namespace aralez {

/// What one step of a check sends, and by which wire.
struct ProbeStep {
  enum class Ask : std::uint8_t {
    http,      ///< the request that was configured
    grpc,      ///< grpc.health.v1.Health/Check
    greeting,  ///< HTTP/2's preface alone; whether SETTINGS come back (RFC 9113 section 3.4)
  };
  /// Which server name TLS is told.
  enum class Name : std::uint8_t {
    route,     ///< that of the route, as requests do, or the endpoint's where there is none
    endpoint,  ///< the endpoint's
  };

  Wire wire = Wire::plain_h1;
  Ask ask = Ask::http;
  Name name = Name::route;
  Millis time{};  ///< it has no longer
};

/// What came of a step.
struct ProbeOutcome {
  enum class Kind : std::uint8_t {
    answered,     ///< of a greeting: with SETTINGS
    no_answer,    ///< connected, and what came back, if anything, is not of that protocol
    spoke_tls,    ///< connected by TLS or alerted by it, but no answer
    unverified,   ///< the certificate was refused
    too_slow,     ///< connected, but silent
    unreachable,  ///< no connection: refused, no route, no address, no time
    ours,         ///< out of descriptors or memory: says nothing of the endpoint
  };

  Kind kind = Kind::ours;
  std::uint32_t status = 0;        ///< of HTTP
  std::optional<int> grpc_status;  ///< none: the answer was not gRPC's
  bool grpc_serving = false;       ///< what the health service said
  std::string error;               ///< for a person
};

/// Decides what a check of one endpoint asks, and what the answers mean. What a server speaks is
/// taken from the workers, or found out as they do it: TLS, HTTP/2 in clear, HTTP/1.1
/// (docs/adr/0014). Lives as long as the endpoint is checked and remembers what worked; no I/O.
class Probe {
 public:
  explicit Probe(const HealthState& state);

  /// Begins a check that may take `time`. `known`: what workers have found out.
  [[nodiscard]] ProbeStep begin(UpstreamProtocol known, Millis time);
  /// The next step, or none when the check is over. `left`: of its time.
  [[nodiscard]] std::optional<ProbeStep> next(const ProbeOutcome& outcome, Millis left);

  // Once it is over.
  enum class Verdict : std::uint8_t { good, bad, none };
  [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// The endpoint took a connection.
  [[nodiscard]] bool reached() const noexcept { return reached_; }

 private:
  using Ask = ProbeStep::Ask;

  [[nodiscard]] std::optional<Wire> next_wire() const;
  [[nodiscard]] ProbeStep step(Wire wire, Ask ask, Millis left);
  [[nodiscard]] ProbeStep guess(Wire wire, Millis left);
  [[nodiscard]] std::optional<ProbeStep> other_wire(const ProbeOutcome& outcome, Millis left);
  [[nodiscard]] Ask ask_on(Wire wire) const;
  std::optional<ProbeStep> end(Verdict verdict, std::string error);
  std::optional<ProbeStep> judge_http(const ProbeOutcome& outcome);
  std::optional<ProbeStep> judge_grpc(const ProbeOutcome& outcome, Millis left);
  std::optional<ProbeStep> judge_greeting(const ProbeOutcome& outcome, Millis left);
  std::optional<ProbeStep> greeted(const std::string& error);

  const HealthState& state_;
  WireSet allowed_;
  // What earlier checks have found out.
  std::optional<Wire> spoken_;
  bool grpc_is_spoken_ = true;  ///< no sign of the contrary
  ProbeStep::Name name_ = ProbeStep::Name::route;
  // This check.
  ProbeStep step_;
  WireSet tried_;
  bool knows_ = false;        ///< the first wire was no guess
  bool names_tried_ = false;  ///< both
  bool settings_seen_ = false;
  bool reached_ = false;
  std::string first_error_;  ///< of the wire that it is known by
  std::string unanswered_;   ///< why a request is followed by a greeting
  Verdict verdict_ = Verdict::none;
  std::string error_;
};

}  // namespace aralez
