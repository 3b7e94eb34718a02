#pragma once

#include <array>
#include <span>
#include <string_view>

#include "codec/h2/hpack/decoder.h"
#include "http/head.h"
#include "http/head_error.h"
#include "http/stream.h"

namespace aralez::h2 {

struct BlockLimits {
  std::size_t bytes;  ///< decoded, with 32 per line (RFC 9113 section 6.5.2)
  std::size_t lines;
  std::size_t target;
};

/// What became of a header block.
struct BlockVerdict {
  enum class Kind : std::uint8_t {
    good,
    refused,   ///< understood, and answered with the status of `error`
    malformed  ///< a stream error (RFC 9113 section 8.1.1)
  };
  Kind kind = Kind::good;
  HeadError error;
};

/// Collects the lines of one header block and makes a neutral head of them, with the same
/// guarantees as codec/h1/head_parser: what could be read in two ways is refused (threats rows 6,
/// 15, 16, 17). Lives while one block is read; its texts live as long as the head's pin.
class HeadReader final : public FieldSink {
 public:
  /// Fields are put into `storage`.
  HeadReader(BlockPool& pool, std::span<Field> storage, const BlockLimits& limits)
      : pool_(pool), storage_(storage), limits_(limits) {}

  void on_field(const FieldLine& line) override;

  /// A field of our own, before the head is made. Pre: the value is not empty.
  void add(std::string_view name, std::string_view value, FieldId id = FieldId::other);

  /// `end`: no body follows.
  [[nodiscard]] BlockVerdict request(Head& head, End end);
  [[nodiscard]] BlockVerdict response(Head& head, End end);
  /// Framing, routing and hop-by-hop names are dropped. `pin` keeps the texts.
  [[nodiscard]] BlockVerdict trailers(Fields& fields, BlockRef& pin);

  /// Decoded size, with 32 per line.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Of an extended CONNECT (RFC 8441); else empty.
  [[nodiscard]] std::string_view protocol() const noexcept { return pseudo(NameKind::protocol); }

 private:
  static constexpr std::size_t kPseudo = 6;  ///< kinds of a known one

  [[nodiscard]] std::string_view pseudo(NameKind p) const noexcept {
    return pseudo_[static_cast<std::size_t>(p)];
  }
  [[nodiscard]] bool has(NameKind p) const noexcept {
    return (seen_ & (1U << static_cast<unsigned>(p))) != 0;
  }
  void take_pseudo(NameKind kind, std::string_view value);
  /// True when the line is about framing, and has been dealt with.
  [[nodiscard]] bool take_framing(FieldId id, std::string_view value);
  void malformed(std::string_view why, Reason reason = Reason::bad_header);
  struct Kept {
    std::string_view name;
    std::string_view value;
  };
  [[nodiscard]] std::string_view keep(std::string_view text);
  [[nodiscard]] Kept keep(std::string_view name, std::string_view value);
  void relocate(std::size_t need);
  void join_cookies();
  [[nodiscard]] BlockVerdict common(Head& head);
  [[nodiscard]] BlockVerdict target(Head& head);
  void body_length(Head& head, End end);

  BlockPool& pool_;
  std::span<Field> storage_;
  BlockLimits limits_;
  BlockRef block_;
  std::size_t used_ = 0;
  std::size_t lines_ = 0;
  std::size_t fields_ = 0;
  std::size_t bytes_ = 0;
  std::array<std::string_view, kPseudo> pseudo_;
  unsigned seen_ = 0;
  unsigned cookies_ = 0;
  unsigned hosts_ = 0;
  unsigned expects_ = 0;
  std::string_view expect_;
  std::string_view host_;
  bool has_length_ = false;
  bool regular_ = false;  ///< a field that is no pseudo-header was seen
  std::uint64_t length_ = 0;
  BlockVerdict worst_;  ///< the first thing that was wrong
};

}  // namespace aralez::h2
