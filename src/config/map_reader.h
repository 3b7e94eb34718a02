#pragma once

#include <concepts>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "config/decode.h"

namespace aralez {

/// Reads one mapping key by key. Every key that is asked for is known; finish() warns of the
/// others, so ask for all. The readers leave `out` alone when the key is absent, empty or wrong,
/// and report what is wrong.
class MapReader {
 public:
  /// Pre: `map` is a mapping and outlives the reader.
  MapReader(const Node& map, Diagnostics& diagnostics) : map_(map), diagnostics_(diagnostics) {}

  /// The value of a key; nullptr when absent or null. A key given twice is an error.
  const Node* get(std::string_view key);
  /// Position of the key, or of the mapping when the key is absent.
  [[nodiscard]] Source at(std::string_view key) const;
  /// Known and of no effect.
  void ignore(std::initializer_list<std::string_view> keys);

  void boolean(std::string_view key, bool& out);
  void text(std::string_view key, std::string& out, Secret secret = Secret::no);
  void texts(std::string_view key, std::vector<std::string>& out, Secret secret = Secret::no);
  void seconds(std::string_view key, std::chrono::milliseconds& out, SecondsRule rule = {});
  void seconds(std::string_view key, std::optional<std::chrono::milliseconds>& out,
               SecondsRule rule = {});
  /// Range of the type when the rule names none.
  template <std::integral T>
  void integer(std::string_view key, T& out, IntegerRule rule = {}) {
    if (const auto value = read_integer(key, narrowed<T>(rule))) out = static_cast<T>(*value);
  }
  template <std::integral T>
  void integer(std::string_view key, std::optional<T>& out, IntegerRule rule = {}) {
    if (const auto value = read_integer(key, narrowed<T>(rule))) out = static_cast<T>(*value);
  }
  void whole_seconds(std::string_view key, std::chrono::seconds& out, IntegerRule rule = {});

  /// Error unless the key is there with a value. `example` completes "write".
  void require(std::string_view key, std::string_view example);

  /// Members that nobody asked for, in document order.
  [[nodiscard]] std::vector<const Node::Member*> unknown() const;
  /// Warns of one such member, with the nearest known key.
  void warn_unknown(const Node::Member& member) const;
  /// Warns of all of them.
  void finish() const;

  [[nodiscard]] const Node& node() const noexcept { return map_; }
  [[nodiscard]] Diagnostics& diagnostics() noexcept { return diagnostics_; }

 private:
  template <class T>
  static IntegerRule narrowed(IntegerRule rule) {
    using Limit = std::numeric_limits<T>;
    if constexpr (sizeof(T) < sizeof(std::int64_t))
      rule.max = std::min(rule.max, static_cast<std::int64_t>(Limit::max()));
    return rule;
  }
  std::optional<std::int64_t> read_integer(std::string_view key, IntegerRule rule);
  [[nodiscard]] bool is_known(std::string_view key) const;

  const Node& map_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> known_;  ///< literals of the callers
};

/// The word that is one or two slips away from `text`; empty when there is none.
[[nodiscard]] std::string_view nearest(std::string_view text,
                                       const std::vector<std::string_view>& words);

}  // namespace aralez
