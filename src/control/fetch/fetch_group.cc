#include "control/fetch/fetch_group.h"

#include <algorithm>

#include "control/fetch/transfer.h"

namespace aralez {

struct FetchGroup::Multi {
  MultiPtr handle;
};

FetchGroup::FetchGroup() {
  init_curl();
  multi_ = std::make_unique<Multi>(MultiPtr(curl_multi_init()));
}

FetchGroup::~FetchGroup() {
  for (const auto& [id, transfer] : under_way_)
    curl_multi_remove_handle(multi_->handle.get(), transfer->handle());
}

void FetchGroup::start(std::size_t id, FetchRequest request) {
  auto transfer = std::make_unique<FetchTransfer>(std::move(request));
  if (transfer->handle() != nullptr)
    curl_multi_add_handle(multi_->handle.get(), transfer->handle());
  under_way_.emplace(id, std::move(transfer));
}

std::optional<FetchGroup::Ended> FetchGroup::take_ended() {
  // Memory was short for these.
  for (auto it = under_way_.begin(); it != under_way_.end(); ++it)
    if (it->second->handle() == nullptr || !multi_->handle) {
      const std::size_t id = it->first;
      under_way_.erase(it);
      return Ended{.id = id, .result = std::unexpected("out of memory")};
    }
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_->handle.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto at = std::find_if(under_way_.begin(), under_way_.end(), [&](const auto& item) {
      return item.second->handle() == message->easy_handle;
    });
    if (at == under_way_.end()) continue;
    Ended ended{.id = at->first, .result = at->second->result(message->data.result)};
    curl_multi_remove_handle(multi_->handle.get(), at->second->handle());
    under_way_.erase(at);
    return ended;
  }
  return std::nullopt;
}

std::optional<FetchGroup::Ended> FetchGroup::next(std::chrono::steady_clock::time_point until,
                                                  const std::stop_token& stop) {
  using std::chrono::milliseconds;
  constexpr milliseconds kMostWait{60'000};
  const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_->handle.get()); });
  while (!stop.stop_requested()) {
    int running = 0;
    curl_multi_perform(multi_->handle.get(), &running);
    if (auto ended = take_ended()) return ended;
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    if (left <= milliseconds{0}) return std::nullopt;
    const auto wait = static_cast<int>(std::min(left, kMostWait).count());
    curl_multi_poll(multi_->handle.get(), nullptr, 0, wait, nullptr);
  }
  return std::nullopt;
}

}  // namespace aralez
