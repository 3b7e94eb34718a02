#pragma once

#include "filter/filter.h"

namespace aralez {

struct RedirectConfig {
  std::string redirect_to;  ///< prefix of the new place; empty for none
  bool to_https = false;    ///< plain requests go to the TLS listener
  std::uint16_t https_port = 443;
};

/// Answers 301 to GET and HEAD and 308 to other methods, query kept (behaviour sections 3.4 and
/// 21).
class RedirectFilter final : public Filter {
 public:
  explicit RedirectFilter(RedirectConfig config) : config_(std::move(config)) {}
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  RedirectConfig config_;
};

}  // namespace aralez
