#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace aralez {

/// A node to decode and the name it has in messages.
struct KeyedNode {
  const Node& node;
  std::string_view key;
  std::string_view wanted = {};  ///< what to write where a number stands for text; none: quotes
};

/// Values of secret keys never appear in a message.
enum class Secret : bool { no, yes };

struct IntegerRule {
  /// Whether `50.0` and `1e3` pass for whole numbers, as for some keys they do (behaviour section
  /// 0).
  enum class Floats : bool { refused, whole };

  std::int64_t min = 0;
  std::int64_t max = INT64_MAX;
  Floats floats = Floats::refused;
};

struct SecondsRule {
  std::chrono::milliseconds min{1};
  std::chrono::milliseconds max{std::chrono::hours(7 * 24)};
};

/// Each reports what is wrong with the node, with its position, and returns nullopt then.
/// Pre: the node is not null; absent and empty are the caller's business.
[[nodiscard]] std::optional<bool> decode_bool(KeyedNode field, Diagnostics& diagnostics);
[[nodiscard]] std::optional<std::int64_t> decode_integer(KeyedNode field, Diagnostics& diagnostics,
                                                         IntegerRule rule = {});
/// A number of seconds, fractions allowed.
[[nodiscard]] std::optional<std::chrono::milliseconds> decode_seconds(KeyedNode field,
                                                                      Diagnostics& diagnostics,
                                                                      SecondsRule rule = {});
/// Text: quoted, or plain and not a boolean or a number. Without control characters.
[[nodiscard]] std::optional<std::string> decode_text(KeyedNode field, Diagnostics& diagnostics,
                                                     Secret secret = Secret::no);

/// One entry of a list of texts.
struct TextItem {
  std::string text;
  Source source;
  std::string key;  ///< `servers[2]`, counting from 1
};
/// The entries that are text; each other one is reported. A node that is no list gives none.
[[nodiscard]] std::vector<TextItem> decode_list(KeyedNode field, Diagnostics& diagnostics,
                                                Secret secret = Secret::no);

/// The value for a message, quoted. It is cut at the first blank or quote, for a quote that was not
/// closed may have drawn lines with secrets into it, and left out when it looks like credentials.
[[nodiscard]] std::string shown(std::string_view value);

}  // namespace aralez
