#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "filter/filter.h"
#include "filter/sticky/book.h"

namespace aralez {

/// Keeps a client on one endpoint of a route by a cookie, for as long as that endpoint is there and
/// usable. The cookie is compared with the endpoints of this route alone, and nothing but the
/// endpoint follows from it: all settings are those of the route (defects 1 and 34).
class StickyFilter final : public Filter {
 public:
  /// In the order of the cluster's endpoints, at least one.
  StickyFilter(std::vector<std::shared_ptr<const StickyEndpoint>> endpoints,
               std::chrono::seconds max_age);

  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  void on_response_head(RequestContext& request, Head& response) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view id) const noexcept;
  [[nodiscard]] std::size_t slot_of(std::string_view id) const noexcept;

  std::vector<std::shared_ptr<const StickyEndpoint>> endpoints_;
  /// Hash table with open addressing; at most half of it is full. Clients cannot make ids that meet
  /// in it, for they do not have the key.
  std::vector<std::uint32_t> slots_;
  std::chrono::seconds max_age_;
};

}  // namespace aralez
