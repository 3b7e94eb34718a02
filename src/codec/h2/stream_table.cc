#include "codec/h2/stream_table.h"

namespace aralez::h2 {

StreamTable::Ended StreamTable::how_ended(std::uint32_t id) const noexcept {
  for (const auto& [stream, how] : remembered_)
    if (stream == id) return how;
  return Ended::unknown;
}

void StreamTable::remember(std::uint32_t id, Ended how) noexcept {
  for (auto& known : remembered_)
    if (known.first == id) {
      known.second = how;
      return;
    }
  remembered_[remember_at_] = {id, how};
  remember_at_ = (remember_at_ + 1) % kRemembered;
}

}  // namespace aralez::h2
