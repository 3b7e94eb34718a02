#pragma once

#include <memory>
#include <vector>

#include "filter/auth/credential_cache.h"
#include "http/worker_context.h"
#include "io/job_pool.h"
#include "tls/random.h"

namespace aralez {

/// What the authorization of all routes and generations shares. Made before the workers, outlives
/// them.
class AuthShared {
 public:
  /// `hash_threads`: how many passwords may be checked at once.
  AuthShared(std::size_t workers, std::size_t hash_threads)
      : passwords_(hash_threads, kMaxWaiting), caches_(workers) {}

  /// Any thread. Begins every digest of a credential.
  [[nodiscard]] std::string_view key() const noexcept { return as_text(key_); }
  /// That of the worker, on its thread.
  [[nodiscard]] CredentialCache& cache(const WorkerContext& worker) {
    return caches_[worker.index].cache;
  }
  /// For passwords with a hash: slow by intent, so they have threads of their own.
  [[nodiscard]] JobPool& passwords() noexcept { return passwords_; }
  /// As Features::stop().
  void stop() { passwords_.stop(); }

 private:
  static constexpr std::size_t kMaxWaiting = 64;
  struct alignas(64) Line {
    CredentialCache cache;
  };

  const Sha256 key_ = random_secret();
  JobPool passwords_;
  std::vector<Line> caches_;
};

}  // namespace aralez
