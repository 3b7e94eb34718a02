#pragma once

#include <cstdint>

#include "filter/filter.h"

namespace aralez {

/// Sets `X-Request-ID` of the request: 32 hex digits that no other request of the fleet has. One
/// from a trusted proxy is kept if it is 1 to 128 visible characters. Unguessable it is not.
class RequestIdFilter final : public Filter {
 public:
  static constexpr std::string_view kField = "X-Request-ID";

  /// The same for all routes and generations of a process; shows in every id, so of no other use.
  struct Seed {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
  };
  explicit RequestIdFilter(const Seed& seed) : seed_(seed) {}

  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override { return "request id: X-Request-ID"; }

 private:
  [[nodiscard]] std::string_view make(RequestContext& request) const;

  const Seed seed_;
};

}  // namespace aralez
