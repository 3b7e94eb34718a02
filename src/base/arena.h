#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/block.h"

namespace aralez {

/// Bump allocator for what lives as long as one request. Holds only trivially destructible things.
/// The first bytes are inline; more come from the worker's block pool.
class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] std::span<std::byte> allocate(std::size_t n, std::size_t align = 1) {
    const std::size_t at = (used_ + align - 1) & ~(align - 1);
    if (at + n > current_.size()) return allocate_slow(n, align);
    used_ = at + n;
    return current_.subspan(at, n);
  }
  /// Room for `n` of T, the first of which are copies of `from`. What lies behind them is left
  /// alone: small requests would pay for lines of cache that they never use.
  template <class T>
    requires std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>
  [[nodiscard]] std::span<T> array(std::size_t n, std::span<const T> from) {
    assert(from.size() <= n);
    auto raw = allocate(n * sizeof(T), alignof(T));
    T* first = reinterpret_cast<T*>(raw.data());
    std::uninitialized_copy(from.begin(), from.end(), first);
    return {first, n};
  }
  [[nodiscard]] std::string_view copy(std::string_view s) {
    if (s.empty()) return {};
    auto out = allocate(s.size());
    std::memcpy(out.data(), s.data(), s.size());
    return as_text(out);
  }
  /// Joins the parts into one string.
  [[nodiscard]] std::string_view join(std::initializer_list<std::string_view> parts) {
    std::size_t n = 0;
    for (auto p : parts) n += p.size();
    auto out = allocate(n);
    std::size_t at = 0;
    for (auto p : parts) {
      if (!p.empty()) std::memcpy(out.data() + at, p.data(), p.size());
      at += p.size();
    }
    return as_text(out);
  }

  /// Everything allocated so far is gone.
  void clear() noexcept {
    used_ = 0;
    if (more_.empty()) return;
    more_.clear();
    current_ = inline_;
  }

 private:
  static constexpr std::size_t kInline = 1536;

  std::span<std::byte> allocate_slow(std::size_t n, std::size_t align) {
    more_.push_back(pool_.take_sized(n + align));
    current_ = more_.back().bytes();
    used_ = 0;
    const auto base = reinterpret_cast<std::uintptr_t>(current_.data());
    const std::size_t skew = (align - base % align) % align;
    used_ = skew + n;
    return current_.subspan(skew, n);
  }

  BlockPool& pool_;
  std::span<std::byte> current_{inline_};
  std::size_t used_ = 0;
  std::vector<BlockRef> more_;
  alignas(std::max_align_t) std::array<std::byte, kInline> inline_;
};

}  // namespace aralez
