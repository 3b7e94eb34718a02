#pragma once

#include <memory>

#include "filter/auth/basic/accounts.h"
#include "filter/auth/shared.h"
#include "filter/filter.h"

namespace aralez {

/// `authorization: {type: basic}` (RFC 7617, behaviour section 8.1). Passwords in the clear are
/// checked at once, those with a hash on other threads; a good one of these is remembered for a
/// while after its last use.
class BasicFilter final : public Filter {
 public:
  /// Pre: `shared` outlives this.
  BasicFilter(std::shared_ptr<const Accounts> accounts, AuthShared& shared)
      : accounts_(std::move(accounts)), shared_(shared) {}
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] Verdict check_hashed(RequestContext& request, Reply& reply,
                                     std::string_view credentials) const;

  std::shared_ptr<const Accounts> accounts_;  ///< other routes and jobs hold it too
  AuthShared& shared_;
};

}  // namespace aralez
