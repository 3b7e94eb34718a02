#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

struct nghttp2_hd_deflater;
struct nghttp2_hd_inflater;

namespace aralez::h2 {

/// Memory for the tables of all HPACK coders of a worker: freed pieces are kept by size, so that
/// steady traffic asks the allocator for nothing. Outlives its coders.
class HpackMemory {
 public:
  HpackMemory();
  HpackMemory(const HpackMemory&) = delete;
  HpackMemory& operator=(const HpackMemory&) = delete;
  ~HpackMemory();

  /// What the library calls us by.
  struct Hooks;
  [[nodiscard]] Hooks& hooks() noexcept { return *hooks_; }
  [[nodiscard]] void* allocate(std::size_t n) noexcept;
  void release(void* p) noexcept;
  [[nodiscard]] void* reallocate(void* p, std::size_t n) noexcept;
  /// Times the allocator was asked: for tests.
  [[nodiscard]] std::size_t allocations() const noexcept { return allocations_; }

 private:
  struct Header {
    std::size_t size;
    Header* next;
  };
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kClasses = 18;  ///< up to what a table of one coder needs at first
  static constexpr std::size_t kKeep = 256;    ///< pieces per class

  std::unique_ptr<Hooks> hooks_;
  std::array<Header*, kClasses> free_{};
  std::array<std::size_t, kClasses> kept_{};
  std::size_t allocations_ = 0;
};

/// Takes decoded field lines. The texts are good until it returns.
class FieldSink {
 public:
  virtual void on_field(std::string_view name, std::string_view value) = 0;

 protected:
  ~FieldSink() = default;
};

/// RFC 7541, one direction of one connection.
class HpackDecoder {
 public:
  explicit HpackDecoder(HpackMemory& memory);
  /// A whole header block. False: it is malformed, and the connection cannot go on.
  [[nodiscard]] bool decode(std::string_view block, FieldSink& sink);

 private:
  struct Free {
    void operator()(nghttp2_hd_inflater* i) const noexcept;
  };
  std::unique_ptr<nghttp2_hd_inflater, Free> inflater_;
};

class HpackEncoder {
 public:
  /// Most that a peer may make us keep as our table.
  static constexpr std::size_t kTable = 4096;

  explicit HpackEncoder(HpackMemory& memory);
  /// Upper bound of what put() writes for so many lines with so many bytes of names and values.
  [[nodiscard]] static constexpr std::size_t bound(std::size_t lines, std::size_t bytes) noexcept {
    return 16 + lines * 24 + bytes;
  }
  /// Writes one field line; how many bytes it took. Pre: the name is in lower case.
  [[nodiscard]] std::size_t put(std::string_view name, std::string_view value,
                                std::span<std::byte> room);
  /// What the peer's SETTINGS_HEADER_TABLE_SIZE allows.
  void limit_table(std::size_t size);

 private:
  struct Free {
    void operator()(nghttp2_hd_deflater* d) const noexcept;
  };
  std::unique_ptr<nghttp2_hd_deflater, Free> deflater_;
};

}  // namespace aralez::h2
