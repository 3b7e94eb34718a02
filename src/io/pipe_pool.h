#pragma once

#include <memory>
#include <vector>

#include "base/chain.h"
#include "base/unique_fd.h"

namespace aralez {

class PipePool;

/// A pipe that carries body bytes from socket to socket without passing user space.
class SplicePipe final : public KernelBytes {
 public:
  /// Bytes in the pipe now.
  [[nodiscard]] std::size_t level() const noexcept { return level_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] int write_fd() const noexcept { return write_.get(); }
  void filled(std::size_t n) noexcept { level_ += n; }
  void consumed(std::size_t n) override { level_ -= n; }

 private:
  friend class PipePool;
  SplicePipe(PipePool& pool, UniqueFd r, UniqueFd w, std::size_t capacity)
      : KernelBytes(r.get()),
        pool_(pool),
        read_(std::move(r)),
        write_(std::move(w)),
        capacity_(capacity) {}
  void release() noexcept override;

  PipePool& pool_;
  UniqueFd read_;
  UniqueFd write_;
  std::size_t capacity_;
  std::size_t level_ = 0;
};

/// Pipes of one worker. A pipe that comes back with bytes in it is closed, never reused.
class PipePool {
 public:
  static constexpr std::size_t kPipeBytes = 1024 * 1024;

  explicit PipePool(std::size_t keep = 64) : keep_(keep) {}
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  /// Null when no pipe can be had; the caller then copies. The caller makes the KernelRef that owns
  /// it.
  [[nodiscard]] SplicePipe* take();

 private:
  friend class SplicePipe;
  void recycle(std::unique_ptr<SplicePipe> pipe) noexcept;

  std::vector<std::unique_ptr<SplicePipe>> free_;
  std::size_t keep_;
};

}  // namespace aralez
