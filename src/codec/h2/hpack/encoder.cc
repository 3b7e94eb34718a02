#include "codec/h2/hpack/encoder.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "codec/h2/hpack/huffman.h"
#include "codec/h2/hpack/static_table.h"

namespace aralez::h2 {
namespace {

enum class Indexing : std::uint8_t {
  incremental,
  none,
  never  ///< values that would show in how well later ones compress
};

/// A line that takes most of the table would push all others out.
constexpr std::size_t kLargest = DynamicTable<std::uint32_t>::kMost / 2;

/// A cookie that is shorter could be found by trying (RFC 7541 section 7.1.3).
constexpr std::size_t kGuessable = 20;

Indexing indexing_of(std::string_view name, std::string_view value, FieldId id) noexcept {
  switch (id) {
    case FieldId::authorization:
    case FieldId::set_cookie:
    case FieldId::x_api_key: return Indexing::never;
    case FieldId::content_length:
    case FieldId::content_range:
    case FieldId::etag:
    case FieldId::if_modified_since:
    case FieldId::if_none_match:
    case FieldId::last_modified:
    case FieldId::location: return Indexing::none;
    case FieldId::cookie:
      if (value.size() < kGuessable) return Indexing::never;
      break;
    default: break;
  }
  if (name == "proxy-authorization") return Indexing::never;
  if (name == ":path" || name == "age") return Indexing::none;
  return name.size() + value.size() > kLargest ? Indexing::none : Indexing::incremental;
}

/// First and last eight bytes, or what there is of them.
struct Ends {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
template <class Word>
std::uint64_t load(const char* p) noexcept {
  Word w = 0;
  std::memcpy(&w, p, sizeof w);
  return w;
}
Ends ends_of(std::string_view s) noexcept {
  const char* const p = s.data();
  const std::size_t n = s.size();
  if (n >= 8) return {load<std::uint64_t>(p), load<std::uint64_t>(p + n - 8)};
  if (n >= 4) return {load<std::uint32_t>(p), load<std::uint32_t>(p + n - 4)};
  if (n >= 2) return {load<std::uint16_t>(p), load<std::uint16_t>(p + n - 2)};
  return {n == 0 ? 0 : load<std::uint8_t>(p), 0};
}

}  // namespace

/// Where a line is written. Its room has been looked at before.
class HpackEncoder::Output {
 public:
  explicit Output(std::span<std::byte> room) noexcept : room_(room) {}
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

  /// RFC 7541 section 5.1; `pattern` is what the bits above the prefix are.
  void integer(unsigned pattern, unsigned prefix, std::size_t value) noexcept {
    const std::size_t most = (std::size_t{1} << prefix) - 1;
    if (value < most) return byte(pattern | value);
    byte(pattern | most);
    for (value -= most; value >= 0x80; value >>= 7) byte((value & 0x7f) | 0x80);
    byte(value);
  }
  /// RFC 7541 section 5.2; coded when that is shorter.
  void string(std::string_view text) noexcept {
    const std::size_t coded = huffman_size(text);
    if (coded < text.size()) {
      integer(0x80, 7, coded);
      huffman_encode(text, room_.subspan(used_, coded));
      used_ += coded;
    } else {
      integer(0, 7, text.size());
      std::ranges::copy(std::as_bytes(std::span(text)), room_.subspan(used_).begin());
      used_ += text.size();
    }
  }

 private:
  void byte(std::size_t b) noexcept { room_[used_++] = static_cast<std::byte>(b); }

  std::span<std::byte> room_;
  std::size_t used_ = 0;
};

std::size_t HpackEncoder::put(std::string_view name, std::string_view value, FieldId id,
                              std::span<std::byte> room) {
  if (room.size() < bound(1, name.size() + value.size())) return 0;
  const Hash hash = hash_of(name, value);
  if (!tell_limits_) [[likely]] {
    if (const std::uint32_t index = find(name, value, hash); index != 0) [[likely]] {
      Output out(room);
      out.integer(0x80, 7, index);
      return out.size();
    }
  }
  return put_other(name, value, id, hash, room);
}

std::size_t HpackEncoder::put_status(std::uint16_t status, std::span<std::byte> room) {
  constexpr std::size_t kFirst = 8;
  constexpr std::array<std::uint16_t, 7> kKnown{200, 204, 206, 304, 400, 404, 500};
  const auto* const known = std::ranges::find(kKnown, status);
  if (known != kKnown.end() && !tell_limits_ && room.size() >= kLineRoom) {
    room[0] =
        static_cast<std::byte>(0x80 + kFirst + static_cast<std::size_t>(known - kKnown.begin()));
    return 1;
  }
  const std::array<char, 3> digits{static_cast<char>('0' + status / 100),
                                   static_cast<char>('0' + status / 10 % 10),
                                   static_cast<char>('0' + status % 10)};
  return put(":status", {digits.data(), digits.size()}, FieldId::other, room);
}

std::size_t HpackEncoder::put_other(std::string_view name, std::string_view value, FieldId id,
                                    Hash hash, std::span<std::byte> room) {
  Output out(room);
  if (tell_limits_) [[unlikely]]
    put_limits(out);
  if (std::array<char, 128> low; name.size() <= low.size())
    put_new(out, lower_into(name, low), value, id, hash);
  else
    put_new(out, lower(name), value, id, hash);
  return out.size();
}

/// Pre: the name is in lower case.
void HpackEncoder::put_new(Output& out, std::string_view name, std::string_view value, FieldId id,
                           Hash hash) {
  const std::uint64_t name_hash = hash_name(name);
  const std::size_t known = static_name(name, name_hash);
  for (std::size_t i = known; i != 0 && i <= kStaticTable.size(); ++i) {
    const StaticLine& line = kStaticTable[i - 1];
    if (line.name != name || line.value.empty()) break;
    if (line.value == value) return out.integer(0x80, 7, i);
  }
  const std::size_t index = known != 0 ? known : find_name(name, name_hash);
  const Indexing indexing = indexing_of(name, value, id);
  switch (indexing) {
    case Indexing::incremental: out.integer(0x40, 6, index); break;
    case Indexing::none: out.integer(0, 4, index); break;
    case Indexing::never: out.integer(0x10, 4, index); break;
  }
  if (index == 0) out.string(name);
  out.string(value);
  if (indexing != Indexing::incremental) return;
  const auto low = static_cast<std::uint8_t>(table_.next());
  table_.insert(name, value, hash);
  lines_[hash % lines_.size()] = low;
  names_[name_hash % names_.size()] = low;
}

/// Of the ends of both texts and of their sizes, whatever the case of the name.
HpackEncoder::Hash HpackEncoder::hash_of(std::string_view name, std::string_view value) noexcept {
  constexpr std::uint64_t kLower = 0x2020202020202020ULL;
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  const Ends n = ends_of(name);
  const Ends v = ends_of(value);
  std::uint64_t h = ((n.first | kLower) ^ name.size()) * kOdd + (n.last | kLower);
  h = (h ^ h >> 32) * kOdd + (v.first ^ value.size());
  h = (h ^ h >> 29) * kOdd + v.last;
  h = (h ^ h >> 32) * kOdd;
  return static_cast<Hash>(h >> 32);
}

/// Index of the line, or 0.
std::uint32_t HpackEncoder::find(std::string_view name, std::string_view value,
                                 Hash hash) const noexcept {
  const std::uint32_t number = newest(lines_[hash % lines_.size()]);
  if (!there(number) || table_.note(number) != hash) return 0;
  const Table::Line line = table_.line(number);
  return lower_equals(name, line.name) && line.value == value ? index_of(number) : 0;
}

/// Index of a line with that name, or 0.
std::uint32_t HpackEncoder::find_name(std::string_view name, std::uint64_t hash) const noexcept {
  const std::uint32_t number = newest(names_[hash % names_.size()]);
  return there(number) && table_.line(number).name == name ? index_of(number) : 0;
}

std::uint32_t HpackEncoder::index_of(std::uint32_t number) const noexcept {
  return static_cast<std::uint32_t>(kStaticTable.size()) + table_.next() - number;
}

void HpackEncoder::limit_table(std::size_t size) noexcept {
  const std::size_t limit = std::min(size, Table::kMost);
  if (limit == table_.limit() && !tell_limits_) return;
  smallest_ = tell_limits_ ? std::min(smallest_, limit) : limit;
  tell_limits_ = true;
  table_.set_limit(limit);
}

/// What the peer has to know when it was smaller for a time (RFC 7541 section 4.2).
void HpackEncoder::put_limits(Output& out) noexcept {
  if (smallest_ < table_.limit()) out.integer(0x20, 5, smallest_);
  out.integer(0x20, 5, table_.limit());
  tell_limits_ = false;
}

}  // namespace aralez::h2
