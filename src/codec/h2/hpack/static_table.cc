#include "codec/h2/hpack/static_table.h"

#include "base/hash.h"

namespace aralez::h2 {
namespace {

/// Names by their hash; whoever finds his place taken has the next free one.
class Names {
 public:
  Names() noexcept {
    for (std::size_t i = 0; i < kStaticTable.size(); ++i) {
      const std::string_view name = kStaticTable[i].name;
      if (find(name, hash_name(name)) != 0) continue;
      std::size_t slot = hash_name(name) % kSlots;
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<std::uint8_t>(i + 1);
    }
  }
  [[nodiscard]] std::size_t find(std::string_view name, std::uint64_t hash) const noexcept {
    for (std::size_t slot = hash % kSlots; slots_[slot] != 0; slot = (slot + 1) % kSlots)
      if (kStaticTable[slots_[slot] - 1U].name == name) return slots_[slot];
    return 0;
  }

 private:
  static constexpr std::size_t kSlots = 256;
  std::array<std::uint8_t, kSlots> slots_{};
};

}  // namespace

std::uint64_t hash_name(std::string_view name) noexcept {
  return KeyedHash::of(0, name);
}

std::size_t static_name(std::string_view name, std::uint64_t hash) noexcept {
  static const Names kNames;
  return kNames.find(name, hash);
}

}  // namespace aralez::h2
