#pragma once

#include <cstdint>

#include "base/limits.h"
#include "filter/limits/limit_scope.h"
#include "tls/random.h"

namespace aralez {

/// The counts of all limits: one per process, outlives configurations.
class LimitShared {
 public:
  [[nodiscard]] CounterTable& counts() noexcept { return counts_; }
  /// `path` is empty when the whole host is counted together.
  [[nodiscard]] LimitScope scope(LimitKind kind, std::string_view host,
                                 std::string_view path) const {
    return {secret_, kind, host, path};
  }

 private:
  std::uint64_t secret_ = random_value<std::uint64_t>();
  CounterTable counts_{Limits::kLimitCells};
};

}  // namespace aralez
