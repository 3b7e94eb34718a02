#pragma once

#include <expected>
#include <string>
#include <utility>

#include "control/fetch/fetcher.h"
#include "control/top/figures.h"

namespace aralez::top {

/// Asks an instance. Blocking, a few seconds at most.
class Source {
 public:
  /// `base`: `http://host:port`. `key` may be empty; it is sent as a field, never in the URL.
  Source(std::string base, std::string key) : base_(std::move(base)), key_(std::move(key)) {}

  /// The error says what went wrong in words for the user.
  [[nodiscard]] std::expected<Figures, std::string> look();
  [[nodiscard]] const std::string& base() const noexcept { return base_; }

 private:
  const std::string base_;
  const std::string key_;
  Fetcher fetcher_;  ///< kept for its connection
};

}  // namespace aralez::top
