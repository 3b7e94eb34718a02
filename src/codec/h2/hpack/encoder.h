#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/h2/hpack/dynamic_table.h"
#include "http/fields.h"

namespace aralez::h2 {

/// RFC 7541, what we send in one direction of a connection. No I/O.
///
/// Lines go into the table unless their values differ from one message to the next, or are
/// secrets: those are sent in a way that nobody on the way indexes either (section 7.1.3). Where a
/// line is in the table is remembered by its hash, the newest of each; one that is not found again
/// costs the peer bytes, and nothing else.
class HpackEncoder {
 public:
  /// Upper bound of what put() writes for so many lines with so many bytes of names and values.
  [[nodiscard]] static constexpr std::size_t bound(std::size_t lines, std::size_t bytes) noexcept {
    return kLimitRoom + lines * kLineRoom + bytes;
  }
  /// Writes one line; how many bytes it took, 0 when there may be too little room. The name goes
  /// out in lower case (RFC 9113 section 8.2). Pre: `id` is that of the name, or `other`.
  [[nodiscard]] std::size_t put(std::string_view name, std::string_view value, FieldId id,
                                std::span<std::byte> room);
  /// The same for `:status`.
  [[nodiscard]] std::size_t put_status(std::uint16_t status, std::span<std::byte> room);
  /// What the peer's SETTINGS_HEADER_TABLE_SIZE allows. Between two blocks: the next one begins
  /// with the news.
  void limit_table(std::size_t size) noexcept;
  /// Bytes held: for tests.
  [[nodiscard]] std::size_t memory() const noexcept { return table_.memory(); }

 private:
  using Hash = std::uint32_t;
  using Table = DynamicTable<Hash>;
  class Output;
  static constexpr std::size_t kLimitRoom = 16;
  static constexpr std::size_t kLineRoom = 24;

  [[nodiscard]] static Hash hash_of(std::string_view name, std::string_view value) noexcept;
  [[nodiscard]] std::size_t put_other(std::string_view name, std::string_view value, FieldId id,
                                      Hash hash, std::span<std::byte> room);
  void put_new(Output& out, std::string_view name, std::string_view value, FieldId id, Hash hash);
  void put_limits(Output& out) noexcept;
  [[nodiscard]] std::uint32_t find(std::string_view name, std::string_view value,
                                   Hash hash) const noexcept;
  [[nodiscard]] std::uint32_t find_name(std::string_view name, std::uint64_t hash) const noexcept;
  [[nodiscard]] std::uint32_t index_of(std::uint32_t number) const noexcept;
  [[nodiscard]] bool there(std::uint32_t number) const noexcept {
    return table_.next() - number - 1 < table_.size();
  }
  /// Number of the newest line with that lowest byte.
  [[nodiscard]] std::uint32_t newest(std::uint8_t low) const noexcept {
    return table_.next() - 1 - static_cast<std::uint8_t>(table_.next() - 1 - low);
  }

  Table table_;
  std::array<std::uint8_t, 128> lines_{};  ///< lowest byte of a line's number, by its hash
  std::array<std::uint8_t, 64> names_{};   ///< the same by the hash of its name
  std::size_t smallest_ = Table::kMost;    ///< limit since the last block
  bool tell_limits_ = false;
};

}  // namespace aralez::h2
