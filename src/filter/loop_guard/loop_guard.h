#pragma once

#include "filter/filter.h"

namespace aralez {

/// Refuses what has come by its route before.
class LoopGuard final : public Filter {
 public:
  /// `mark`: of the route and of this process, a token. Nobody else knows it.
  explicit LoopGuard(std::string mark) : mark_(std::move(mark)) {}
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] bool is_in(std::string_view list) const noexcept;

  std::string mark_;
};

}  // namespace aralez
