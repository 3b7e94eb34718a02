#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/ascii.h"

namespace aralez {

/// Field names that some rule of the proxy looks at. Everything else is `other` and compared by
/// text.
enum class FieldId : std::uint8_t {
  other,
  accept_ranges,
  aralez_question,
  authorization,
  connection,
  content_length,
  content_range,
  content_type,
  cookie,
  date,
  etag,
  expect,
  forwarded,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  location,
  proxy,
  proxy_connection,
  range,
  server,
  set_cookie,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  x_api_key,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_real_ip,
};

/// Case-insensitive; a handful of instructions. Pre: `name` is a token.
[[nodiscard]] FieldId field_id(std::string_view name) noexcept;

/// One field line. The views point into the head's block, its arena, or the configuration snapshot.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = FieldId::other;
  bool underscore = false;  ///< `_` in the name (threats row 14)
};

/// Which kinds of fields a head may have, so that most looks for one need not look at the fields.
/// May name a kind whose last field was removed; never misses one.
class FieldSet {
 public:
  constexpr FieldSet() = default;
  constexpr FieldSet(std::initializer_list<FieldId> ids) noexcept {
    for (const FieldId id : ids) bits_ |= bit(id);
  }
  constexpr void add(const Field& f) noexcept {
    bits_ |= bit(f.id) | static_cast<std::uint64_t>(f.underscore) << kUnderscoreAt;
  }
  constexpr void add_underscore() noexcept { bits_ |= 1ULL << kUnderscoreAt; }
  [[nodiscard]] constexpr bool meets(FieldSet other) const noexcept {
    return (bits_ & other.bits_) != 0;
  }
  [[nodiscard]] constexpr bool has(FieldId id) const noexcept { return (bits_ & bit(id)) != 0; }

 private:
  static constexpr int kUnderscoreAt = 63;
  static constexpr std::uint64_t bit(FieldId id) noexcept {
    return 1ULL << static_cast<unsigned>(id);
  }
  std::uint64_t bits_ = 0;
};
static_assert(static_cast<unsigned>(FieldId::x_real_ip) < 63);

/// The fields of a head, in order. Owns the array's place only for as long as its arena lives.
class Fields {
 public:
  Fields() = default;
  /// Fields that stand in somebody's array; adding beyond `storage` needs an arena first. `kinds`
  /// has those of all of them.
  Fields(std::span<Field> storage, std::size_t used, FieldSet kinds) noexcept
      : data_(storage.data()), size_(used), capacity_(storage.size()), kinds_(kinds) {}
  Fields(std::span<Field> storage, std::size_t used) noexcept : Fields(storage, used, {}) {
    for (const Field& f : *this) kinds_.add(f);
  }

  [[nodiscard]] Field* begin() noexcept { return data_; }
  [[nodiscard]] Field* end() noexcept { return data_ + size_; }
  [[nodiscard]] const Field* begin() const noexcept { return data_; }
  [[nodiscard]] const Field* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] FieldSet kinds() const noexcept { return kinds_; }

  /// First field with this id, or null.
  [[nodiscard]] const Field* find(FieldId id) const noexcept {
    if (!kinds_.has(id)) return nullptr;
    for (const Field& f : *this)
      if (f.id == id) return &f;
    return nullptr;
  }
  [[nodiscard]] std::string_view value(FieldId id) const noexcept {
    const Field* f = find(id);
    return f ? f->value : std::string_view{};
  }
  [[nodiscard]] const Field* find(std::string_view name) const noexcept {
    for (const Field& f : *this)
      if (same_name(f.name, name)) return &f;
    return nullptr;
  }

  [[gnu::always_inline]] void add(Arena& arena, const Field& f) {
    if (size_ == capacity_) [[unlikely]]
      grow(arena, capacity_ * 2 + 8);
    kinds_.add(f);
    std::construct_at(data_ + size_++, f);
  }
  /// Replaces every field of that name by one, in the place of the first, or appends.
  void set(Arena& arena, const Field& f) {
    if (!kinds_.has(f.id)) return add(arena, f);
    const auto same = [&f](const Field& x) {
      return x.id == f.id && (f.id != FieldId::other || same_name(x.name, f.name));
    };
    Field* const first = std::find_if(begin(), end(), same);
    if (first == end()) return add(arena, f);
    first->value = f.value;
    kinds_.add(f);
    size_ = static_cast<std::size_t>(std::remove_if(first + 1, end(), same) - data_);
  }
  template <class Pred>
  void remove_if(Pred&& pred) {
    Field* to = data_;
    for (Field* from = data_; from != data_ + size_; ++from) {
      if (pred(*from)) continue;
      if (to != from) *to = *from;
      ++to;
    }
    size_ = static_cast<std::size_t>(to - data_);
  }
  void remove(FieldId id) {
    remove_if([id](const Field& f) { return f.id == id; });
  }
  /// Moves the array (not the texts) into `arena`, with room for `extra` more.
  void move_to(Arena& arena, std::size_t extra) { grow(arena, size_ + extra); }

 private:
  /// Names of one length often begin alike (`X-...`, `Content-...`), so their ends are looked at
  /// first.
  static bool same_name(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    return a.empty() || (to_lower(a.back()) == to_lower(b.back()) && iequals(a, b));
  }
  [[gnu::noinline]] void grow(Arena& arena, std::size_t capacity) {
    data_ = arena.array<Field>(capacity, {data_, size_}).data();
    capacity_ = capacity;
  }

  Field* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  FieldSet kinds_;
};

}  // namespace aralez
