#pragma once

#include <vector>

#include "codec/h2/mux_stream.h"

namespace aralez::h2 {

/// Body bytes that were queued, in order, and whose they are.
class SentQueue {
 public:
  struct Entry {
    MuxStream* stream;
    std::uint32_t id;  ///< the stream may be another one by now
    std::uint64_t bytes;
  };
  void push(MuxStream& s, std::uint64_t bytes);
  [[nodiscard]] bool empty() const noexcept { return head_ == entries_.size(); }
  /// Takes up to `bytes` from the front. Pre: !empty().
  [[nodiscard]] Entry take(std::uint64_t bytes);

 private:
  std::vector<Entry> entries_;
  std::size_t head_ = 0;
};

}  // namespace aralez::h2
