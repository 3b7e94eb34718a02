#include "config/map_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/ascii.h"

namespace aralez {
namespace {

/// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

/// An unknown key may be a value in the wrong place, `data:"secret"` without a blank: only its
/// first word is shown.
std::string first_word(std::string_view key) {
  constexpr std::size_t kMost = 40;
  const auto end = std::find_if_not(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' ||
           c == '-';
  });
  const auto n = std::min(static_cast<std::size_t>(end - key.begin()), kMost);
  return std::string(key.substr(0, n)) + (n < key.size() ? "..." : "");
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& words) {
  constexpr std::size_t kLongest = 64;
  if (text.size() > kLongest) return {};
  const std::string wanted = lower(text);
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (const std::string_view word : words) {
    const std::size_t distance = edit_distance(wanted, word);
    if (distance < least) {
      least = distance;
      best = word;
    }
  }
  return best;
}

const Node* MapReader::get(std::string_view key) {
  const bool again = is_known(key);  // its mistakes have been reported
  if (!again) known_.push_back(key);
  const Node::Member* first = nullptr;
  for (const Node::Member& member : map_.members()) {
    if (member.key != key) continue;
    if (first == nullptr) {
      first = &member;
    } else if (!again) {
      diagnostics_.error(map_.source(member), key,
                         fmt::format("given twice, first in line {}; keep one", first->line));
    }
  }
  return first == nullptr || first->value->is_null() ? nullptr : first->value;
}

Source MapReader::at(std::string_view key) const {
  for (const Node::Member& member : map_.members())
    if (member.key == key) return map_.source(member);
  return map_.source();
}

void MapReader::ignore(std::initializer_list<std::string_view> keys) {
  known_.insert(known_.end(), keys);
}

void MapReader::boolean(std::string_view key, bool& out) {
  if (const Node* node = get(key))
    if (const auto value = decode_bool({*node, key}, diagnostics_)) out = *value;
}

void MapReader::text(std::string_view key, std::string& out, Secret secret) {
  if (const Node* node = get(key))
    if (auto value = decode_text({*node, key}, diagnostics_, secret)) out = std::move(*value);
}

void MapReader::texts(std::string_view key, std::vector<std::string>& out, Secret secret) {
  const Node* node = get(key);
  if (node == nullptr) return;
  for (TextItem& item : decode_list({*node, key}, diagnostics_, secret))
    out.push_back(std::move(item.text));
}

void MapReader::seconds(std::string_view key, std::chrono::milliseconds& out, SecondsRule rule) {
  if (const Node* node = get(key))
    if (const auto value = decode_seconds({*node, key}, diagnostics_, rule)) out = *value;
}

void MapReader::seconds(std::string_view key, std::optional<std::chrono::milliseconds>& out,
                        SecondsRule rule) {
  if (const Node* node = get(key))
    if (const auto value = decode_seconds({*node, key}, diagnostics_, rule)) out = *value;
}

void MapReader::whole_seconds(std::string_view key, std::chrono::seconds& out, IntegerRule rule) {
  if (const auto value = read_integer(key, rule)) out = std::chrono::seconds(*value);
}

std::optional<std::int64_t> MapReader::read_integer(std::string_view key, IntegerRule rule) {
  const Node* node = get(key);
  if (node == nullptr) return std::nullopt;
  return decode_integer({*node, key}, diagnostics_, rule);
}

void MapReader::require(std::string_view key, std::string_view example) {
  for (const Node::Member& member : map_.members())
    if (member.key == key && !member.value->is_null()) return;
  diagnostics_.error(at(key), key, fmt::format("missing; write {}", example));
}

bool MapReader::is_known(std::string_view key) const {
  return std::find(known_.begin(), known_.end(), key) != known_.end();
}

std::vector<const Node::Member*> MapReader::unknown() const {
  std::vector<const Node::Member*> out;
  for (const Node::Member& member : map_.members())
    if (!is_known(member.key)) out.push_back(&member);
  return out;
}

void MapReader::warn_unknown(const Node::Member& member) const {
  // A file of nothing but unknown keys must not cost a search for each.
  const bool shown_in_full = diagnostics_.warnings() < Diagnostics::kMost;
  const auto meant = shown_in_full ? nearest(member.key, known_) : std::string_view{};
  const auto hint =
      meant.empty() ? std::string("it has no effect") : fmt::format("did you mean {}?", meant);
  diagnostics_.warning(map_.source(member), first_word(member.key), "unknown key; " + hint);
}

void MapReader::finish() const {
  for (const Node::Member* member : unknown()) warn_unknown(*member);
}

}  // namespace aralez
