#pragma once

#include "filter/filter.h"

namespace aralez {

/// Stands in for an authorization whose verification this build does not have: answers 503, so that
/// a protected route is never served open.
class AuthGuard final : public Filter {
 public:
  explicit AuthGuard(std::string type) : type_(std::move(type)) {}
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  std::string type_;
};

}  // namespace aralez
