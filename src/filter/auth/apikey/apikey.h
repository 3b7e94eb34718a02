#pragma once

#include <memory>

#include "filter/auth/secret_set.h"
#include "filter/filter.h"

namespace aralez {

/// `authorization: {type: apikey}`: the field x-api-key holds one of the keys (behaviour section
/// 8.2). It goes on to the upstream.
class ApiKeyFilter final : public Filter {
 public:
  explicit ApiKeyFilter(std::shared_ptr<const SecretSet> keys) : keys_(std::move(keys)) {}
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  std::shared_ptr<const SecretSet> keys_;  ///< other routes hold it too
};

}  // namespace aralez
