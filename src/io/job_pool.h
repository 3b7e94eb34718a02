#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace aralez {

/// Threads for work that would hold up a worker. They are started by the first job, so a program
/// that has none has no such threads.
class JobPool {
 public:
  using Job = std::move_only_function<void()>;

  JobPool(std::size_t threads, std::size_t max_waiting)
      : max_threads_(threads), max_waiting_(max_waiting) {}
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;
  ~JobPool() { stop(); }

  /// Any thread. False when too many wait already, or after stop().
  [[nodiscard]] bool submit(Job job);
  /// Drops what waits and returns when the jobs under way have ended. Once; any thread but those of
  /// the pool.
  void stop();

 private:
  void run();

  const std::size_t max_threads_;
  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::vector<std::jthread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace aralez
