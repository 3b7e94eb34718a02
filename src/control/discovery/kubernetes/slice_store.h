#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/discovery/kubernetes/endpoints.h"
#include "control/discovery/service_registry.h"

namespace aralez::kubernetes {

/// The EndpointSlices of the services that are asked for, as one list and the events after it say.
class SliceStore {
 public:
  /// Addresses of all services together; a list with more is of no use.
  static constexpr std::size_t kMaxAddresses = 200'000;

  explicit SliceStore(std::set<std::string> services) : services_(std::move(services)) {}

  /// It is there, as `object` says; of other services nothing is kept. False: there are too many.
  [[nodiscard]] bool put(const nlohmann::json& object);
  void remove(const nlohmann::json& object);

  /// Services with other slices than at the last call.
  [[nodiscard]] std::set<std::string> take_changed() { return std::exchange(changed_, {}); }
  [[nodiscard]] std::vector<ServerConfig> servers(const ServiceKey& service) const;

 private:
  using Slices = std::map<std::string, Slice>;

  void erase(Slices::iterator at);

  std::set<std::string> services_;
  Slices slices_;  // by their own name
  std::set<std::string> changed_;
  std::size_t addresses_ = 0;
};

/// A page of a list.
struct SlicePage {
  std::string continued;  ///< what the next is asked for with; empty: this is the last
  std::string version;    ///< of the list: what a watch begins with
};
/// Puts what is in a page into `store`; or what is wrong with it, as a phrase.
[[nodiscard]] std::expected<SlicePage, std::string> read_page(std::string_view text,
                                                              SliceStore& store);

}  // namespace aralez::kubernetes
