#include "files/conditions.h"

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "http/date.h"
#include "http/field_rules.h"

namespace aralez {
namespace {

std::string_view without_weak(std::string_view tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

enum class Compare : bool { strong, weak };

/// Of a list, which may go on in further fields of its name.
bool any_match(const Fields& request, FieldId list, std::string_view etag, Compare how) {
  bool found = false;
  for (const Field& f : request) {
    if (f.id != list) continue;
    for_each_element(f.value, [&](std::string_view tag) {
      found |= tag == "*" || (how == Compare::weak ? without_weak(tag) : tag) == etag;
    });
  }
  return found;
}

bool range_counts(const Fields& request, const Validators& now) {
  const Field* condition = request.find(FieldId::if_range);
  if (!condition) return true;
  if (condition->value.starts_with('"')) return condition->value == now.etag;
  if (condition->value.starts_with("W/")) return false;
  return parse_http_date(condition->value) == now.modified;
}

ByteRange suffix(std::uint64_t wanted, std::uint64_t size) {
  const std::uint64_t n = std::min(wanted, size);
  if (n == 0) return {ByteRange::Kind::unsatisfiable};
  return {ByteRange::Kind::part, size - n, n};
}

}  // namespace

Condition check_conditions(const Fields& request, const Validators& now) {
  if (request.find(FieldId::if_match)) {
    if (!any_match(request, FieldId::if_match, now.etag, Compare::strong)) return Condition::failed;
  } else if (const Field* since = request.find(FieldId::if_unmodified_since)) {
    const auto date = parse_http_date(since->value);
    if (date && now.modified > *date) return Condition::failed;
  }
  if (request.find(FieldId::if_none_match))
    return any_match(request, FieldId::if_none_match, now.etag, Compare::weak)
               ? Condition::not_modified
               : Condition::pass;
  if (const Field* f = request.find(FieldId::if_modified_since)) {
    const auto date = parse_http_date(f->value);
    if (date && now.modified <= *date) return Condition::not_modified;
  }
  return Condition::pass;
}

ByteRange read_range(const Fields& request, const Validators& now, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::string_view value = request.value(FieldId::range);
  if (!iequals(value.substr(0, kUnit.size()), kUnit) || !range_counts(request, now)) return {};
  const auto spec = trim_ows(value.substr(kUnit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) return {};
  std::uint64_t first = 0;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  if (dash == 0) return parse_count(spec.substr(1), first) ? suffix(first, size) : ByteRange{};
  if (!parse_count(spec.substr(0, dash), first)) return {};
  if (dash + 1 < spec.size() && (!parse_count(spec.substr(dash + 1), last) || last < first))
    return {};
  if (first >= size) return {ByteRange::Kind::unsatisfiable};
  return {ByteRange::Kind::part, first, std::min(last, size - 1) - first + 1};
}

}  // namespace aralez
