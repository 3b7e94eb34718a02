#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_spec.h"
#include "cluster/endpoint_state.h"

namespace aralez {

enum class Health : std::uint8_t {
  unknown,  ///< no check has ended yet: it serves
  up,
  down,
};
[[nodiscard]] std::string_view name_of(Health health) noexcept;

/// How an endpoint is checked.
struct HealthCheckSpec {
  enum class Kind : std::uint8_t {
    automatic,  ///< a request, or gRPC's protocol where HTTP/2 in clear is spoken and that as well
    http,       ///< a request
    grpc,       ///< grpc.health.v1.Health/Check
  };
  struct StatusRange {
    std::uint16_t first = 99;
    std::uint16_t last = 498;
    friend bool operator==(const StatusRange&, const StatusRange&) = default;
  };

  Kind kind = Kind::automatic;
  std::string method = "HEAD";
  std::string path = "/";
  std::string host = {};     ///< field Host and server name; empty: the endpoint's address
  std::string service = {};  ///< of gRPC; empty: the server as a whole
  Millis interval{2'000};    ///< from begin to begin
  Millis timeout{2'000};
  std::uint32_t rise = 1;  ///< good checks in a row that make it up
  std::uint32_t fall = 1;  ///< bad ones that make it down
  std::vector<StatusRange> expect{StatusRange{}};

  friend bool operator==(const HealthCheckSpec&, const HealthCheckSpec&) = default;
  [[nodiscard]] bool expects(std::uint32_t status) const noexcept;
  /// Equal for equal ones.
  [[nodiscard]] std::string identity() const;
};

/// What a check is sent to. The same policy for certificates as requests have.
struct HealthTarget {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  ProtocolPin pin = ProtocolPin::detect;
  std::optional<ClientPolicy> tls;  ///< none: nothing but clear text
  std::string server_name;          ///< of TLS, where `host` is no name; may be empty
};

/// One check of one endpoint, shared by the routes that ask for the same: what is asked, and what
/// came of it. Kept over reloads by EndpointRegistry. The checker's thread writes, workers read the
/// verdict alone.
class HealthState {
 public:
  HealthState(HealthTarget target, HealthCheckSpec spec, std::shared_ptr<EndpointState> endpoint)
      : target_(std::move(target)), spec_(std::move(spec)), endpoint_(std::move(endpoint)) {}
  HealthState(const HealthState&) = delete;
  HealthState& operator=(const HealthState&) = delete;

  /// For endpoints that are not checked: never down.
  [[nodiscard]] static const std::shared_ptr<HealthState>& unchecked();

  /// Any thread.
  [[nodiscard]] Health verdict() const noexcept { return verdict_.load(std::memory_order_relaxed); }

  /// What people are told of it.
  struct Facts {
    Health verdict = Health::unknown;
    TimePoint since{};    ///< of the verdict; the epoch: none yet
    TimePoint checked{};  ///< begin of the last check; the epoch: none yet
    std::string error;    ///< of the last check; empty: it was good
    std::chrono::system_clock::time_point error_time{};  ///< when one was last bad
    std::string last_error;                              ///< what was wrong then
  };
  /// Any thread but a worker.
  [[nodiscard]] Facts facts() const;

  /// What a check has changed.
  struct Change {
    Health from = Health::unknown;
    Health to = Health::unknown;
    std::chrono::nanoseconds after{};  ///< how long the old verdict stood; 0 from unknown
  };
  /// A check that began then has ended; an empty error: well. The checker's thread.
  std::optional<Change> note(TimePoint began, TimePoint now, std::string error);

  [[nodiscard]] const HealthTarget& target() const noexcept { return target_; }
  [[nodiscard]] const HealthCheckSpec& spec() const noexcept { return spec_; }
  /// Null when unchecked.
  [[nodiscard]] EndpointState* endpoint() const noexcept { return endpoint_.get(); }

 private:
  std::atomic<Health> verdict_{Health::unknown};
  HealthTarget target_;
  HealthCheckSpec spec_;
  std::shared_ptr<EndpointState> endpoint_;
  std::uint32_t in_row_ = 0;  ///< checks that contradict the verdict
  mutable std::mutex mutex_;
  Facts facts_;  ///< guarded by mutex_
};

}  // namespace aralez
