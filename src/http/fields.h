#pragma once

#include <algorithm>
#include <cstdint>
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

/// The fields of a head, in order. Owns the array's place only for as long as its arena lives.
class Fields {
 public:
  Fields() = default;
  /// Fields that stand in somebody's array; adding beyond `storage` needs an arena first.
  Fields(std::span<Field> storage, std::size_t used) noexcept
      : data_(storage.data()), size_(used), capacity_(storage.size()) {}

  [[nodiscard]] Field* begin() noexcept { return data_; }
  [[nodiscard]] Field* end() noexcept { return data_ + size_; }
  [[nodiscard]] const Field* begin() const noexcept { return data_; }
  [[nodiscard]] const Field* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// First field with this id, or null.
  [[nodiscard]] const Field* find(FieldId id) const noexcept {
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
      if (iequals(f.name, name)) return &f;
    return nullptr;
  }

  void add(Arena& arena, Field f) {
    if (size_ == capacity_) grow(arena, capacity_ * 2 + 8);
    data_[size_++] = f;
  }
  /// Replaces every field of that name by one, in the place of the first, or appends.
  void set(Arena& arena, Field f) {
    const auto same = [&f](const Field& x) {
      return x.id == f.id && (f.id != FieldId::other || iequals(x.name, f.name));
    };
    Field* const first = std::find_if(begin(), end(), same);
    if (first == end()) return add(arena, f);
    first->value = f.value;
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
  void grow(Arena& arena, std::size_t capacity) {
    const auto next = arena.array<Field>(capacity);
    std::copy_n(data_, size_, next.data());
    data_ = next.data();
    capacity_ = capacity;
  }

  Field* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace aralez
