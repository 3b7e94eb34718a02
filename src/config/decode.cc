#include "config/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/ascii.h"

namespace aralez {
namespace {

enum class Plain : std::uint8_t { text, boolean, integer, floating };

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<bool> as_bool(std::string_view text) {
  if (one_of(text, {"true", "True", "TRUE"})) return true;
  if (one_of(text, {"false", "False", "FALSE"})) return false;
  return std::nullopt;
}

template <class T>
std::optional<T> all_of_it(std::string_view digits, int base) {
  T value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

enum class Number : std::uint8_t { none, ok, too_large };
struct Parsed {
  Number what = Number::none;
  std::int64_t value = 0;
};

/// Integers of the core schema: decimal with a sign and leading zeros, 0x, 0o.
Parsed as_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  const bool signed_ = negative || text.starts_with('+');
  if (signed_) text.remove_prefix(1);
  int base = 10;
  if (!signed_ && text.starts_with("0x")) base = 16;
  if (!signed_ && text.starts_with("0o")) base = 8;
  if (base != 10) text.remove_prefix(2);
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [base](char c) {
    return hex_value(c) >= 0 && hex_value(c) < base;
  });
  if (!digits) return {};
  const auto value = all_of_it<std::int64_t>(text, base);
  if (!value) return {Number::too_large, 0};
  return {Number::ok, negative ? -*value : *value};
}

/// Floats of the core schema, .inf and .nan included.
std::optional<double> as_float(std::string_view text) {
  auto digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (one_of(digits, {".inf", ".Inf", ".INF"})) return HUGE_VAL;
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return NAN;
  const bool shape = !digits.empty() &&
                     digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
                     digits.find_first_of("0123456789") != std::string_view::npos;
  if (!shape || digits.front() == '+' || digits.front() == '-') return std::nullopt;
  double value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (ec == std::errc::result_out_of_range) return HUGE_VAL;
  if (ec != std::errc{}) return std::nullopt;
  return text.starts_with('-') ? -value : value;
}

Plain resolve(const Node& node) {
  if (node.style() == Node::Style::text) return Plain::text;
  if (as_bool(node.text())) return Plain::boolean;
  if (as_integer(node.text()).what != Number::none) return Plain::integer;
  if (as_float(node.text())) return Plain::floating;
  return Plain::text;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return (b < 0x20 && c != '\t') || b == 0x7f;
  });
}

std::nullopt_t refuse(const KeyedNode& field, Diagnostics& diagnostics, std::string message) {
  diagnostics.error(field.node.source(), field.key, std::move(message));
  return std::nullopt;
}

std::string range_text(IntegerRule rule) {
  if (rule.max == INT64_MAX)
    return rule.min == INT64_MIN ? "a whole number"
                                 : fmt::format("a whole number from {} up", rule.min);
  return fmt::format("a whole number from {} to {}", rule.min, rule.max);
}

/// Why the text is no whole number, and what was probably meant.
std::string integer_hint(const Node& node, IntegerRule rule) {
  const std::string& text = node.text();
  if (node.style() == Node::Style::text && as_integer(text).what == Number::ok)
    return fmt::format("{} is text; write {} without quotes", shown(text), text);
  std::string digits = text;
  std::erase(digits, '_');
  if (digits != text && as_integer(digits).what == Number::ok)
    return fmt::format("{} is not a number; write {}", shown(text), digits);
  if (resolve(node) == Plain::floating)
    return fmt::format("{} is not whole; write {}", shown(text), range_text(rule));
  return fmt::format("{} is not a number; write {}", shown(text), range_text(rule));
}

std::optional<std::int64_t> whole(double value) {
  constexpr double kExact = 9007199254740992.0;  // above 2^53 a double no longer names one integer
  if (!(std::abs(value) <= kExact) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::string shown(std::string_view value) {
  constexpr std::size_t kMost = 60;
  if (value.find('@') != std::string_view::npos) return "the value";
  std::size_t n = std::min({value.size(), kMost, value.find_first_of(" \t\"'")});
  while (n < value.size() && n > 0 && (static_cast<unsigned char>(value[n]) & 0xC0) == 0x80) --n;
  return fmt::format("\"{}{}\"", value.substr(0, n), n < value.size() ? "..." : "");
}

std::optional<bool> decode_bool(KeyedNode field, Diagnostics& diagnostics) {
  const Node& node = field.node;
  if (!node.is_scalar())
    return refuse(field, diagnostics,
                  fmt::format("this is {}; write true or false", to_string(node.kind())));
  const auto value = as_bool(node.text());
  if (value && node.style() == Node::Style::plain) return value;
  if (value)
    return refuse(field, diagnostics,
                  fmt::format("{} is text; write {} without quotes", shown(node.text()), *value));
  const std::string word = lower(node.text());
  std::string_view meant = "true or false";
  if (one_of(word, {"yes", "on", "y", "1", "true", "enabled"})) meant = "true";
  if (one_of(word, {"no", "off", "n", "0", "false", "disabled"})) meant = "false";
  return refuse(field, diagnostics,
                fmt::format("{} is not a boolean; write {}", shown(node.text()), meant));
}

std::optional<std::int64_t> decode_integer(KeyedNode field, Diagnostics& diagnostics,
                                           IntegerRule rule) {
  const Node& node = field.node;
  if (!node.is_scalar())
    return refuse(field, diagnostics,
                  fmt::format("this is {}; write {}", to_string(node.kind()), range_text(rule)));
  Parsed parsed;
  if (node.style() == Node::Style::plain) {
    parsed = as_integer(node.text());
    if (parsed.what == Number::none && rule.floats == IntegerRule::Floats::whole) {
      if (const auto floating = as_float(node.text()))
        if (const auto value = whole(*floating)) parsed = {Number::ok, *value};
    }
  }
  if (parsed.what == Number::none) return refuse(field, diagnostics, integer_hint(node, rule));
  if (parsed.what == Number::too_large || parsed.value < rule.min || parsed.value > rule.max)
    return refuse(field, diagnostics,
                  fmt::format("{} is out of range; write {}", node.text(), range_text(rule)));
  return parsed.value;
}

std::optional<std::chrono::milliseconds> decode_seconds(KeyedNode field, Diagnostics& diagnostics,
                                                        SecondsRule rule) {
  using Seconds = std::chrono::duration<double>;
  const Node& node = field.node;
  const auto right = fmt::format("a number of seconds from {} to {}", Seconds(rule.min).count(),
                                 Seconds(rule.max).count());
  if (!node.is_scalar())
    return refuse(field, diagnostics,
                  fmt::format("this is {}; write {}", to_string(node.kind()), right));
  const Parsed parsed = as_integer(node.text());
  const std::optional<double> value =
      parsed.what == Number::ok ? static_cast<double>(parsed.value) : as_float(node.text());
  if (value && node.style() == Node::Style::text)
    return refuse(
        field, diagnostics,
        fmt::format("{} is text; write {} without quotes", shown(node.text()), node.text()));
  if (!value)
    return refuse(
        field, diagnostics,
        fmt::format("{} is not a number; write {}, without a unit", shown(node.text()), right));
  if (!(*value >= Seconds(rule.min).count() && *value <= Seconds(rule.max).count()))
    return refuse(field, diagnostics,
                  fmt::format("{} is out of range; write {}", node.text(), right));
  return std::chrono::round<std::chrono::milliseconds>(Seconds(*value));
}

std::optional<std::string> decode_text(KeyedNode field, Diagnostics& diagnostics, Secret secret) {
  const Node& node = field.node;
  if (!node.is_scalar())
    return refuse(field, diagnostics,
                  fmt::format("this is {}; write text", to_string(node.kind())));
  if (const Plain plain = resolve(node); plain != Plain::text) {
    const auto what = plain == Plain::boolean ? "a boolean" : "a number";
    if (secret == Secret::yes)
      return refuse(field, diagnostics,
                    fmt::format("this is {}, not text; put it in quotes", what));
    return refuse(field, diagnostics,
                  fmt::format("{} is {}, not text; write {}", node.text(), what,
                              field.wanted.empty() ? fmt::format("\"{}\"", node.text())
                                                   : std::string(field.wanted)));
  }
  if (has_control(node.text()))
    return refuse(field, diagnostics,
                  "holds a line end or another control character; write one line");
  return node.text();
}

std::vector<TextItem> decode_list(KeyedNode field, Diagnostics& diagnostics, Secret secret) {
  std::vector<TextItem> out;
  const Node& node = field.node;
  if (!node.is_sequence()) {
    refuse(field, diagnostics,
           fmt::format("this is {}; write a list: [\"...\", \"...\"]", to_string(node.kind())));
    return out;
  }
  std::size_t index = 0;
  for (const Node* item : node.items()) {
    std::string key = fmt::format("{}[{}]", field.key, ++index);
    const KeyedNode entry{*item, key, field.wanted};
    if (item->is_null()) {
      refuse(entry, diagnostics, "this entry is empty; remove it");
    } else if (item->is_mapping()) {
      refuse(entry, diagnostics, "this is a mapping; put the entry in quotes: \"name: value\"");
    } else if (auto text = decode_text(entry, diagnostics, secret)) {
      out.push_back({std::move(*text), item->source(), std::move(key)});
    }
  }
  return out;
}

}  // namespace aralez
