#include "io/pipe_pool.h"

#include <fcntl.h>

#include <array>

namespace aralez {

SplicePipe* PipePool::take() {
  if (!free_.empty()) {
    auto p = std::move(free_.back());
    free_.pop_back();
    return p.release();
  }
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  UniqueFd r(fds[0]);
  UniqueFd w(fds[1]);
  // An unprivileged user over its pipe quota gets the small default: slower, still right.
  int size = ::fcntl(w.get(), F_SETPIPE_SZ, static_cast<int>(kPipeBytes));
  if (size < 0) size = ::fcntl(w.get(), F_GETPIPE_SZ);
  if (size <= 0) return nullptr;
  return std::unique_ptr<SplicePipe>(
             new SplicePipe(*this, std::move(r), std::move(w), static_cast<std::size_t>(size)))
      .release();
}

void PipePool::recycle(std::unique_ptr<SplicePipe> pipe) noexcept {
  if (pipe->level() == 0 && free_.size() < keep_) free_.push_back(std::move(pipe));
}

void SplicePipe::release() noexcept {
  pool_.recycle(std::unique_ptr<SplicePipe>(this));
}

}  // namespace aralez
