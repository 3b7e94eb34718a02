#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aralez {

enum class HealthMethod : std::uint8_t { head, get, post };

/// `healthcheck` of a path: false, true, or a mapping. What is not given is as main.yaml says, or
/// as behaviour section 5.1 has it.
struct HealthCheckConfig {
  using Millis = std::chrono::milliseconds;
  /// As HealthCheckSpec::Kind, which none of the servers has with `off`.
  enum class Kind : std::uint8_t { off, automatic, http, grpc };
  struct StatusRange {
    std::uint16_t first = 0;  ///< 100..599, as `last`
    std::uint16_t last = 0;
  };

  Kind kind = Kind::automatic;
  std::string path;                    ///< with a query, perhaps; empty: that of the route
  std::optional<HealthMethod> method;  ///< none: hc_method
  std::string host;                    ///< with a port, perhaps; empty: the server's address
  std::string service;                 ///< of gRPC, shorter than 128; empty: the server as a whole
  std::optional<Millis> interval;      ///< none: hc_interval
  std::optional<Millis> timeout;       ///< none: the interval
  std::uint32_t rise = 1;
  std::uint32_t fall = 1;
  std::vector<StatusRange> expect;  ///< empty: 99 to 498
};

}  // namespace aralez
