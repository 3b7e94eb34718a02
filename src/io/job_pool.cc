#include "io/job_pool.h"

#include <utility>

namespace aralez {

bool JobPool::submit(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_.size() >= max_waiting_) return false;
  waiting_.push_back(std::move(job));
  if (idle_ < waiting_.size() && threads_.size() < max_threads_)
    threads_.emplace_back([this] { run(); });
  wake_.notify_one();
  return true;
}

void JobPool::stop() {
  std::deque<Job> dropped;
  std::vector<std::jthread> ending;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
    ending.swap(threads_);
  }
  wake_.notify_all();
}

void JobPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    --idle_;
    if (stopped_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace aralez
