#pragma once

#include <string_view>
#include <vector>

#include "codec/h2/hpack/dynamic_table.h"
#include "codec/h2/hpack/field_line.h"

namespace aralez::h2 {

/// Takes decoded lines. The texts are good until it returns.
class FieldSink {
 public:
  virtual void on_field(const FieldLine& line) = 0;

 protected:
  ~FieldSink() = default;
};

/// Where strings are decoded into: one for all decoders of a worker. Holds as much as the longest
/// of them took, which is bounded by what a header block may have.
struct HpackScratch {
  std::vector<char> name;
  std::vector<char> value;
};

/// RFC 7541, what one direction of a connection sends. No I/O.
class HpackDecoder {
 public:
  /// The scratch outlives it.
  explicit HpackDecoder(HpackScratch& scratch) noexcept : scratch_(scratch) {}
  /// A whole header block. False: it is malformed, and the connection cannot go on.
  [[nodiscard]] bool decode(std::string_view block, FieldSink& sink);
  /// Bytes held: for tests.
  [[nodiscard]] std::size_t memory() const noexcept { return table_.memory(); }

 private:
  class Input;
  enum class Indexing : std::uint8_t { incremental, none };

  [[nodiscard]] bool find(std::uint32_t index, FieldLine& line) const noexcept;
  [[nodiscard]] bool literal(Input& in, Indexing indexing, FieldSink& sink);

  HpackScratch& scratch_;
  DynamicTable<LineClass> table_;
};

}  // namespace aralez::h2
