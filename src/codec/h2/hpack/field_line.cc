#include "codec/h2/hpack/field_line.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "http/scan.h"

namespace aralez::h2 {
namespace {

NameKind pseudo_kind(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> kNames{":method", ":scheme",   ":authority",
                                                   ":path",   ":protocol", ":status"};
  const auto* const known = std::find(kNames.begin(), kNames.end(), name);
  return known == kNames.end() ? NameKind::unknown_pseudo
                               : static_cast<NameKind>(known - kNames.begin());
}

NameKind kind_of(std::string_view name) noexcept {
  if (name.empty()) return NameKind::bad;
  if (name.front() == ':') return pseudo_kind(name);
  std::size_t i = name_run(name.data(), name.size());
  bool upper = false;
  for (std::size_t k = 0; k < i; ++k) upper |= name[k] >= 'A' && name[k] <= 'Z';
  if (upper) return NameKind::bad;
  bool underscore = false;
  for (; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_token_char(c) || (c >= 'A' && c <= 'Z')) return NameKind::bad;
    underscore |= c == '_';
  }
  return underscore ? NameKind::underscore : NameKind::plain;
}

bool is_good(std::string_view value) noexcept {
  if (value.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return !blank(value.front()) && !blank(value.back()) && value_end(value) == value.size();
}

}  // namespace

LineClass classify(std::string_view name, std::string_view value) noexcept {
  const NameKind kind = kind_of(name);
  return {kind == NameKind::plain ? field_id(name) : FieldId::other, kind, is_good(value)};
}

}  // namespace aralez::h2
