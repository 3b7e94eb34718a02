#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/source.h"

namespace aralez {

class Document;

/// One value of a YAML document, immutable, owned by its Document. An alias is the same node a
/// second time.
class Node {
 public:
  enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
  /// A plain scalar may be a boolean or a number; a quoted, block or !!str scalar is text.
  enum class Style : std::uint8_t { plain, text };

  struct Member {
    std::string key;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    const Node* value = nullptr;  ///< never null
  };

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::null; }
  [[nodiscard]] bool is_scalar() const noexcept { return kind_ == Kind::scalar; }
  [[nodiscard]] bool is_sequence() const noexcept { return kind_ == Kind::sequence; }
  [[nodiscard]] bool is_mapping() const noexcept { return kind_ == Kind::mapping; }
  [[nodiscard]] Style style() const noexcept { return style_; }
  /// Of a scalar, quotes and escapes resolved.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::vector<const Node*>& items() const noexcept { return items_; }
  /// In document order, merge keys resolved; a key written twice is here twice.
  [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }
  [[nodiscard]] Source source() const;
  [[nodiscard]] Source source(const Member& member) const;

 private:
  friend class Document;
  friend class TreeBuilder;

  Kind kind_ = Kind::null;
  Style style_ = Style::plain;
  std::uint32_t line_ = 0;
  std::uint32_t column_ = 0;
  const Document* document_ = nullptr;
  std::uint64_t weight_ = 1;  ///< nodes of this subtree with every alias counted in full
  std::string text_;
  std::vector<const Node*> items_;
  std::vector<Member> members_;
};

/// For messages: "a list".
[[nodiscard]] std::string_view to_string(Node::Kind kind) noexcept;

/// A parsed file: owner of its nodes. Must outlive every reference into it; typed configuration
/// copies what it keeps.
class Document {
 public:
  [[nodiscard]] const Node& root() const noexcept { return *root_; }
  [[nodiscard]] const std::shared_ptr<const std::string>& file() const noexcept { return file_; }

 private:
  friend class TreeBuilder;

  std::shared_ptr<const std::string> file_;
  std::deque<Node> nodes_;
  const Node* root_ = nullptr;
};

struct YamlLimits {
  std::size_t max_bytes = 32 * 1024 * 1024;  ///< ten thousand hosts of ten paths have 10 MiB
  std::size_t max_nodes = 2'000'000;         ///< with every alias counted in full
  std::uint32_t max_depth = 64;
};

/// Parses the first document of `text` (YAML 1.2 core schema, behaviour section 0). An empty text
/// has a null root. nullptr and an error in `diagnostics` when it is not YAML or exceeds the
/// limits. Never throws, whatever the input.
[[nodiscard]] std::unique_ptr<const Document> parse_yaml(std::string_view text, std::string file,
                                                         Diagnostics& diagnostics,
                                                         const YamlLimits& limits = {});

}  // namespace aralez
