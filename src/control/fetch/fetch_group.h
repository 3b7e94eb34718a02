#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "control/fetch/fetcher.h"

namespace aralez {

class FetchTransfer;

/// Several requests under way at once, in one thread: the calling one, which waits for all of them
/// together. Those that have not ended are given up with the group. Rules as for Fetcher.
class FetchGroup {
 public:
  using Result = std::expected<FetchAnswer, std::string>;
  struct Ended {
    std::size_t id = 0;
    Result result;
  };

  FetchGroup();
  FetchGroup(const FetchGroup&) = delete;
  FetchGroup& operator=(const FetchGroup&) = delete;
  ~FetchGroup();

  /// `id` tells what has ended; pre: none with it is under way.
  void start(std::size_t id, FetchRequest request);
  [[nodiscard]] bool is_under_way(std::size_t id) const { return under_way_.contains(id); }
  [[nodiscard]] std::size_t size() const noexcept { return under_way_.size(); }
  /// The next that has ended; none when `until` has come or `stop` was asked for before.
  [[nodiscard]] std::optional<Ended> next(std::chrono::steady_clock::time_point until,
                                          const std::stop_token& stop);

 private:
  struct Multi;
  [[nodiscard]] std::optional<Ended> take_ended();

  std::unique_ptr<Multi> multi_;
  std::map<std::size_t, std::unique_ptr<FetchTransfer>> under_way_;
};

}  // namespace aralez
