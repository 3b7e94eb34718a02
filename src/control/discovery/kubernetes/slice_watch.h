#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/discovery/kubernetes/slice_store.h"

namespace aralez::kubernetes {

/// The text of one watch, piece by piece: a line of JSON for each event.
class SliceWatch {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{8} * 1024 * 1024;

  enum class State : std::uint8_t {
    going_on,
    gone,   ///< what has happened since `version` is forgotten: a new list is needed
    broken  ///< why() says in what way
  };

  /// Puts the events into `store`, and into `version` which was the last; both outlive this.
  SliceWatch(SliceStore& store, std::string& version) : store_(store), version_(version) {}

  /// Whether to go on. What is left of a line at the end of the text is forgotten: its event comes
  /// again.
  [[nodiscard]] bool take(std::string_view piece);
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  void take_line(std::string_view line);
  void take_error(const nlohmann::json& status);
  void fail(std::string why);

  SliceStore& store_;
  std::string& version_;
  std::string line_;  // the begin of one
  State state_ = State::going_on;
  std::string why_;
};

}  // namespace aralez::kubernetes
