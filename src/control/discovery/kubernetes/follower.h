#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "control/discovery/kubernetes/api.h"
#include "control/discovery/kubernetes/slice_store.h"
#include "control/discovery/service_registry.h"

namespace aralez::kubernetes {

/// Follows services in the calling thread: EndpointSlices by a list and a watch where they may be
/// read, Endpoints again and again where not.
class Follower {
 public:
  /// Pre: names of services only, at least one; `api` knows a server. All outlive this.
  Follower(const Api& api, std::vector<ServiceKey> services, ServiceListener& listener,
           const std::stop_token& stop);

  /// Until `stop` is asked for.
  void run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { list, watch, poll };
  using Next = std::expected<State, std::string>;  ///< or what is wrong with the server

  [[nodiscard]] Next step(State state);
  [[nodiscard]] Next list();
  [[nodiscard]] Next watch();
  [[nodiscard]] Next poll();
  /// What is wrong with single services, by name.
  using Troubles = std::map<std::string, std::string>;
  /// The subsets of one service, or why the server cannot be asked; an answer that is of no use
  /// adds to `troubles`.
  [[nodiscard]] std::expected<std::vector<Slice>, std::string> subsets_of(const std::string& name,
                                                                          Troubles& troubles);
  /// Takes the next server; waits when that was the last.
  void recover(const std::string& why);
  /// Asks `server`; what is wrong begins with its address.
  [[nodiscard]] std::expected<FetchAnswer, std::string> get(const std::string& path);
  [[nodiscard]] std::string at_server(std::string_view what) const;
  [[nodiscard]] State give_up_slices();

  template <class Tell>
  void for_each_key(const std::string& name, Tell&& tell) const;
  void tell_found(const std::set<std::string>& names);
  void wait(Clock::duration time) const;

  const Api& api_;
  const std::vector<ServiceKey> services_;
  std::set<std::string> names_;
  ServiceListener& listener_;
  const std::stop_token& stop_;

  std::unique_ptr<Fetcher> fetcher_;  // a new one after each failure: it remembers certificates
  std::size_t server_ = 0;
  unsigned failures_ = 0;  // in a row, of all servers
  std::string space_;      // of the last list
  std::string version_;    // of the last event, or the list
  SliceStore store_;
  Clock::time_point slices_again_;  // while Endpoints are asked for
};

}  // namespace aralez::kubernetes
