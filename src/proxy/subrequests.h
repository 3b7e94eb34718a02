#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "cluster/cluster.h"
#include "filter/subrequest.h"

namespace aralez {

/// The requests of one worker's filters to servers outside the routes. Bounded: in number, in time,
/// in what is kept of an answer.
class Subrequests final : public SubrequestClient {
 public:
  Subrequests(Reactor& reactor, ClusterManager& clusters, CounterBlock& counters);
  ~Subrequests();
  Subrequests(const Subrequests&) = delete;
  Subrequests& operator=(const Subrequests&) = delete;

  [[nodiscard]] Result<PendingSubrequest*> send(const std::shared_ptr<const OutsideServer>& server,
                                                const Head& request, const Times& times,
                                                SubrequestEvents& events) override;
  [[nodiscard]] std::size_t under_way() const noexcept {
    return all_.size() - free_.size() - done_.size();
  }

 private:
  class Call;
  struct Known {
    std::weak_ptr<const OutsideServer> server;
    std::shared_ptr<EndpointPool> pool;
  };

  [[nodiscard]] const std::shared_ptr<EndpointPool>& pool_of(
      const std::shared_ptr<const OutsideServer>& server);
  [[nodiscard]] Call* take();
  void give_back(Call& call);
  void recycle();

  Reactor& reactor_;
  ClusterManager& clusters_;
  CounterBlock& counters_;
  std::unordered_map<const OutsideServer*, Known> known_;
  std::vector<std::unique_ptr<Call>> all_;
  std::vector<Call*> free_;
  std::vector<Call*> done_;  ///< until the end of the loop turn
  MemberDeferred<Subrequests, &Subrequests::recycle> recycle_{*this};
};

}  // namespace aralez
