#pragma once

#include "filter/filter.h"
#include "filter/headers/config.h"
#include "http/fields.h"

namespace aralez {

/// `server_headers` replace what the client sent, `client_headers` are added to what the upstream
/// sent (behaviour section 9). Lists come ready made: route values before global ones, each name
/// once among the server headers.
class HeadersFilter final : public Filter {
 public:
  HeadersFilter(std::vector<HeaderRule> server, std::vector<HeaderRule> client);
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  void on_response_head(RequestContext& request, Head& response) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  std::vector<HeaderRule> server_;
  std::vector<HeaderRule> client_;
  std::vector<Field> set_;  ///< views into server_
  std::vector<Field> add_;  ///< views into client_
};

/// Global and route lists as one: globals always apply; among server headers a route's value wins
/// and the last of a repeated name counts (section 9).
[[nodiscard]] std::vector<HeaderRule> merge_server_headers(const std::vector<HeaderRule>& route,
                                                           const std::vector<HeaderRule>& global);
[[nodiscard]] std::vector<HeaderRule> merge_client_headers(const std::vector<HeaderRule>& route,
                                                           const std::vector<HeaderRule>& global);

}  // namespace aralez
