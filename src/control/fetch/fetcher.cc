#include "control/fetch/fetcher.h"

#include <utility>

#include "control/fetch/fetch_group.h"

namespace aralez {

Fetcher::Fetcher() : group_(std::make_unique<FetchGroup>()) {}

Fetcher::~Fetcher() = default;

std::expected<FetchAnswer, std::string> Fetcher::ask(const FetchRequest& request,
                                                     const std::stop_token& stop) {
  group_->start(0, request);
  auto ended = group_->next(std::chrono::steady_clock::time_point::max(), stop);
  if (ended) return std::move(ended->result);
  group_ = std::make_unique<FetchGroup>();  // gives it up
  return std::unexpected("was not waited for");
}

}  // namespace aralez
