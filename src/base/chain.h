#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/block.h"

namespace aralez {

/// Bytes that live in the kernel: a file, or a pipe that was filled by splice. Counted like a
/// block; owned by one worker.
class KernelBytes {
 public:
  KernelBytes(const KernelBytes&) = delete;
  KernelBytes& operator=(const KernelBytes&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Called after `n` bytes were moved out of the descriptor by whoever sends them.
  virtual void consumed(std::size_t n) = 0;

 protected:
  explicit KernelBytes(int fd) noexcept : fd_(fd) {}
  virtual ~KernelBytes() = default;
  /// The last reference is gone.
  virtual void release() noexcept = 0;

 private:
  friend class KernelRef;
  std::uint32_t refs_ = 0;
  int fd_;
};

class KernelRef {
 public:
  KernelRef() = default;
  explicit KernelRef(KernelBytes* k) noexcept : k_(k) {
    if (k_) ++k_->refs_;
  }
  KernelRef(const KernelRef& o) noexcept : KernelRef(o.k_) {}
  KernelRef(KernelRef&& o) noexcept : k_(std::exchange(o.k_, nullptr)) {}
  KernelRef& operator=(KernelRef o) noexcept {
    std::swap(k_, o.k_);
    return *this;
  }
  ~KernelRef() { reset(); }
  void reset() noexcept {
    if (k_ && --k_->refs_ == 0) k_->release();
    k_ = nullptr;
  }
  explicit operator bool() const noexcept { return k_ != nullptr; }
  KernelBytes* operator->() const noexcept { return k_; }

 private:
  KernelBytes* k_ = nullptr;
};

/// One run of bytes of a body or of an output queue: memory, a range of a file (sendfile), or the
/// next bytes of a pipe (splice). `credit` is how many body bytes are settled once the piece has
/// left.
class Piece {
 public:
  enum class Kind : std::uint8_t { memory, file, pipe };

  Piece() = default;
  explicit Piece(Slice s) noexcept
      : slice_(std::move(s)), size_(slice_.size()), credit_(slice_.size()) {}
  static Piece file(KernelRef f, std::uint64_t offset, std::uint64_t size) {
    return Piece(Kind::file, std::move(f), offset, size);
  }
  static Piece pipe(KernelRef p, std::uint64_t size) {
    return Piece(Kind::pipe, std::move(p), 0, size);
  }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t credit() const noexcept { return credit_; }
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  [[nodiscard]] const KernelRef& kernel() const noexcept { return kernel_; }
  /// Pre: kind() == memory.
  [[nodiscard]] const Slice& slice() const noexcept { return slice_; }
  Piece& with_credit(std::uint64_t n) noexcept {
    credit_ = n;
    return *this;
  }
  /// Another piece over the same memory. Pre: kind() == memory.
  [[nodiscard]] Piece share() const { return Piece(slice_.share(0, slice_.size())); }
  /// Gives back what it holds.
  void clear() noexcept {
    slice_.clear();
    kernel_.reset();
    size_ = credit_ = 0;
  }
  /// Takes in `behind` if both are memory and it lies right behind this.
  [[nodiscard]] bool join(const Piece& behind) noexcept {
    if (kind_ != Kind::memory || behind.kind_ != Kind::memory || !slice_.join(behind.slice_))
      return false;
    size_ += behind.size_;
    credit_ += behind.credit_;
    return true;
  }
  void remove_prefix(std::uint64_t n) {
    assert(n <= size_);
    size_ -= n;
    offset_ += n;
    if (kind_ == Kind::memory) slice_.remove_prefix(n);
  }

 private:
  Piece(Kind k, KernelRef f, std::uint64_t offset, std::uint64_t size) noexcept
      : kernel_(std::move(f)), offset_(offset), size_(size), credit_(size), kind_(k) {}

  Slice slice_;
  KernelRef kernel_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t credit_ = 0;
  Kind kind_ = Kind::memory;
};

/// A queue of pieces. The first few need no allocation.
class Chain {
 public:
  Chain() = default;
  explicit Chain(Slice s) { push_back(Piece(std::move(s))); }
  Chain(Chain&& o) noexcept { take(o); }
  Chain& operator=(Chain&& o) noexcept {
    if (this == &o) return *this;
    clear();
    take(o);
    return *this;
  }

  [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
  /// Pieces, not bytes.
  [[nodiscard]] std::size_t count() const noexcept { return tail_ - head_; }
  [[nodiscard]] Piece& operator[](std::size_t i) noexcept { return at(head_ + i); }
  [[nodiscard]] const Piece& operator[](std::size_t i) const noexcept {
    const std::size_t n = head_ + i;
    return n < kInline ? inline_[n] : more_[n - kInline];
  }
  [[nodiscard]] Piece& front() noexcept { return at(head_); }
  [[nodiscard]] Piece& back() noexcept { return at(tail_ - 1); }
  [[nodiscard]] std::uint64_t bytes() const noexcept {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < count(); ++i) n += (*this)[i].size();
    return n;
  }

  /// What lies right behind the last piece becomes part of it: a body that comes in drops is no
  /// crowd of pieces.
  void push_back(Piece p) {
    if (!empty() && back().join(p)) return;
    if (tail_ < kInline) {
      inline_[tail_] = std::move(p);
    } else {
      more_.push_back(std::move(p));
    }
    ++tail_;
  }
  void append(Chain&& other) {
    for (; !other.empty(); other.pop_front()) push_back(std::move(other.front()));
  }
  void pop_front() {
    at(head_).clear();
    ++head_;
    if (head_ == tail_)
      clear();
    else if (head_ >= 64 && head_ * 2 > tail_)
      compact();
  }
  void clear() {
    if (tail_ == 0) return;
    for (; head_ < tail_; ++head_) at(head_).clear();
    more_.clear();
    head_ = tail_ = 0;
  }

 private:
  static constexpr std::size_t kInline = 2;

  /// Pre: this is empty.
  void take(Chain& o) noexcept {
    head_ = std::exchange(o.head_, 0);
    tail_ = std::exchange(o.tail_, 0);
    for (std::size_t i = head_; i < std::min(tail_, kInline); ++i)
      inline_[i] = std::move(o.inline_[i]);
    if (tail_ > kInline) more_.swap(o.more_);
  }

  Piece& at(std::size_t i) noexcept { return i < kInline ? inline_[i] : more_[i - kInline]; }
  /// Pre: the inline pieces are all consumed.
  void compact() {
    more_.erase(more_.begin(), more_.begin() + static_cast<std::ptrdiff_t>(head_ - kInline));
    tail_ -= head_ - kInline;
    head_ = kInline;
  }

  // What tells an empty chain comes first: that is all a request without a body touches.
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::vector<Piece> more_;
  std::array<Piece, kInline> inline_;
};

}  // namespace aralez
