#include "observe/worker_log.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <type_traits>
#include <utility>

namespace aralez {
namespace {

/// In front of each record of the buffer; target and message follow.
struct RecordHead {
  std::chrono::system_clock::time_point time;
  std::size_t target_size;
  std::size_t message_size;
  LogLevel level;
};
static_assert(std::is_trivially_copyable_v<RecordHead>);

}  // namespace

WorkerLog::WorkerLog(ServerLog& log, std::size_t capacity) : log_(log), capacity_(capacity) {
  waiting_.reserve(capacity_);
  thread_ = std::thread([this] { run(); });
}

WorkerLog::~WorkerLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WorkerLog::write(LogLevel level, std::string_view target, std::string_view message) {
  if (!enabled(level)) return;
  const RecordHead head{.time = std::chrono::system_clock::now(),
                        .target_size = target.size(),
                        .message_size = message.size(),
                        .level = level};
  const std::size_t room = level <= LogLevel::warn ? capacity_ : capacity_ - capacity_ / 8;
  const std::lock_guard lock(mutex_);
  const bool was_empty = waiting_.empty() && dropped_ == 0;
  if (waiting_.size() + sizeof head + target.size() + message.size() > room) {
    ++dropped_;
    lost_.fetch_add(1, std::memory_order_relaxed);
  } else {
    char raw[sizeof head];
    std::memcpy(raw, &head, sizeof head);
    waiting_.append(raw, sizeof raw).append(target).append(message);
  }
  if (was_empty) wake_.notify_one();
}

void WorkerLog::run() {
  std::string batch;
  batch.reserve(capacity_);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty() || dropped_ != 0; });
    if (waiting_.empty() && dropped_ == 0) return;
    batch.clear();
    batch.swap(waiting_);
    const std::uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    write_batch(batch, dropped);
    lock.lock();
  }
}

void WorkerLog::write_batch(std::string_view batch, std::uint64_t dropped) {
  while (!batch.empty()) {
    RecordHead head;
    std::memcpy(&head, batch.data(), sizeof head);
    batch.remove_prefix(sizeof head);
    log_.write_at(head.time, head.level, batch.substr(0, head.target_size),
                  batch.substr(head.target_size, head.message_size));
    batch.remove_prefix(head.target_size + head.message_size);
  }
  if (dropped != 0)
    log_.write(LogLevel::warn, "aralez::observe",
               fmt::format("{} log records of workers were dropped: they came faster than they "
                           "could be written",
                           dropped));
}

}  // namespace aralez
