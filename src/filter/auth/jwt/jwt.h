#pragma once

#include <memory>

#include "filter/auth/shared.h"
#include "filter/filter.h"
#include "jwt/key_source.h"
#include "jwt/token.h"

namespace aralez {

/// `authorization: {type: jwt}` (behaviour section 8.3): a token in the query parameter
/// `araleztoken`, which then alone counts, or else behind `Authorization: Bearer`. A token that was
/// found good is remembered until it expires or the keys change.
class JwtFilter final : public Filter {
 public:
  /// Pre: `shared` outlives this.
  JwtFilter(std::shared_ptr<KeySource> keys, TokenPolicy policy, AuthShared& shared);
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] Verdict check(RequestContext& request, Reply& reply, std::string_view token) const;

  std::shared_ptr<KeySource> keys_;
  TokenPolicy policy_;
  Sha256 id_;  ///< of the policy
  AuthShared& shared_;
};

}  // namespace aralez
