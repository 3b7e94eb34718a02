#include "codec/h2/hpack/decoder.h"

#include <array>
#include <limits>

#include "codec/h2/hpack/huffman.h"
#include "codec/h2/hpack/static_table.h"

namespace aralez::h2 {
namespace {

using Table = DynamicTable<LineClass>;

const LineClass& static_class(std::size_t place) noexcept {
  static const auto kClasses = [] {
    std::array<LineClass, kStaticTable.size()> all;
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = classify(kStaticTable[i].name, kStaticTable[i].value);
    return all;
  }();
  return kClasses[place];
}

}  // namespace

/// What is left of a block.
class HpackDecoder::Input {
 public:
  explicit Input(std::string_view block) noexcept : left_(block) {}
  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
  /// Pre: not empty.
  [[nodiscard]] unsigned first() const noexcept { return static_cast<unsigned char>(left_[0]); }

  /// RFC 7541 section 5.1, in the lowest `prefix` bits of the first byte and those behind it.
  /// False: it does not end, or not within 32 bits. Pre: not empty.
  [[nodiscard]] bool integer(unsigned prefix, std::uint32_t& out) noexcept {
    const unsigned most = (1U << prefix) - 1;
    out = first() & most;
    left_.remove_prefix(1);
    return out < most || more_of(out);
  }

  /// RFC 7541 section 5.2. What is coded is decoded into `scratch`.
  [[nodiscard]] bool string(std::vector<char>& scratch, std::string_view& out) {
    if (empty()) return false;
    const bool coded = (first() & 0x80U) != 0;
    std::uint32_t size = 0;
    if (!integer(7, size) || size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    if (!coded) return true;
    if (scratch.size() < huffman_bound(size)) scratch.resize(huffman_bound(size));
    const auto n = huffman_decode(out, scratch);
    if (n) out = {scratch.data(), *n};
    return n.has_value();
  }

 private:
  [[nodiscard]] bool more_of(std::uint32_t& out) noexcept {
    std::uint64_t sum = out;
    for (unsigned shift = 0; shift < 32 && !empty(); shift += 7) {
      const unsigned byte = first();
      left_.remove_prefix(1);
      sum += static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (sum > std::numeric_limits<std::uint32_t>::max()) return false;
      out = static_cast<std::uint32_t>(sum);
      if ((byte & 0x80U) == 0) return true;
    }
    return false;
  }

  std::string_view left_;
};

bool HpackDecoder::decode(std::string_view block, FieldSink& sink) {
  Input in(block);
  bool resizable = true;  // only in front of the first line (RFC 7541 section 4.2)
  while (!in.empty()) {
    const unsigned first = in.first();
    std::uint32_t number = 0;
    if ((first & 0x80U) != 0) {
      FieldLine line;
      if (!in.integer(7, number) || !find(number, line)) return false;
      sink.on_field(line);
    } else if ((first & 0xe0U) == 0x20U) {
      if (!resizable || !in.integer(5, number) || number > Table::kMost) return false;
      table_.set_limit(number);
      continue;
    } else if (!literal(in, (first & 0x40U) != 0 ? Indexing::incremental : Indexing::none, sink)) {
      return false;
    }
    resizable = false;
  }
  return true;
}

bool HpackDecoder::find(std::uint32_t index, FieldLine& line) const noexcept {
  if (index == 0) return false;
  if (index <= kStaticTable.size()) {
    const StaticLine& s = kStaticTable[index - 1];
    line = {s.name, s.value, static_class(index - 1)};
    return true;
  }
  const std::size_t age = index - kStaticTable.size();
  if (age > table_.size()) return false;
  const Table::Line t = table_.line(table_.next() - static_cast<std::uint32_t>(age));
  line = {t.name, t.value, t.note};
  return true;
}

bool HpackDecoder::literal(Input& in, Indexing indexing, FieldSink& sink) {
  std::uint32_t index = 0;
  if (!in.integer(indexing == Indexing::incremental ? 6 : 4, index)) return false;
  FieldLine line;
  if (index == 0) {
    if (!in.string(scratch_.name, line.name)) return false;
  } else {
    if (!find(index, line)) return false;
    if (index > kStaticTable.size()) {  // the table that it lies in is about to change
      scratch_.name.assign(line.name.begin(), line.name.end());
      line.name = {scratch_.name.data(), scratch_.name.size()};
    }
  }
  if (!in.string(scratch_.value, line.value)) return false;
  line.is = classify(line.name, line.value);
  if (indexing == Indexing::incremental) table_.insert(line.name, line.value, line.is);
  sink.on_field(line);
  return true;
}

}  // namespace aralez::h2
