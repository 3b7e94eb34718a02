#pragma once

#include "filter/auth/secret_set.h"
#include "filter/filter.h"

namespace aralez {

/// `authorization: {type: apikey}`: the field x-api-key holds one of the keys (behaviour section
/// 8.2). It goes on to the upstream.
class ApiKeyFilter final : public Filter {
 public:
  explicit ApiKeyFilter(SecretSet keys) : keys_(std::move(keys)) {}
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  SecretSet keys_;
};

}  // namespace aralez
