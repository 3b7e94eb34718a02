#include "codec/h2/sent_queue.h"

#include <algorithm>

namespace aralez::h2 {

void SentQueue::push(MuxStream& s, std::uint64_t bytes) {
  if (bytes == 0) return;
  if (head_ > 0 && head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
  } else if (head_ >= 64 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  if (!empty() && entries_.back().stream == &s && entries_.back().id == s.id)
    entries_.back().bytes += bytes;
  else
    entries_.push_back({&s, s.id, bytes});
}

SentQueue::Entry SentQueue::take(std::uint64_t bytes) {
  Entry& front = entries_[head_];
  Entry taken = front;
  taken.bytes = std::min(bytes, front.bytes);
  front.bytes -= taken.bytes;
  if (front.bytes == 0) ++head_;
  return taken;
}

}  // namespace aralez::h2
