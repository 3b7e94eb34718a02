#pragma once

#include "codec/h2/frame.h"
#include "codec/h2/hpack/encoder.h"
#include "http/head.h"

namespace aralez::h2 {

/// Writes one header block into a connection's output: HEADERS, and CONTINUATION when the peer
/// takes no frame so large. Everything between constructor and finish() is one step.
class BlockWriter {
 public:
  /// `more_lines` and `more_bytes`: what will be put beside the fields.
  BlockWriter(Transport& to, HpackEncoder& encoder, const Fields& fields, std::size_t more_lines,
              std::size_t more_bytes);

  /// Any case; goes out in lower case (RFC 9113 section 8.2).
  void put(std::string_view name, std::string_view value, FieldId id = FieldId::other);
  void put_status(std::uint16_t status);
  void put_number(std::string_view name, std::uint64_t value, FieldId id = FieldId::other);
  /// Leaves out what belongs to the connection or to the framing.
  void put_field(const Field& field);
  void put_fields(const Fields& fields) {
    for (const Field& f : fields) put_field(f);
  }
  /// False: the encoder broke, and with it the connection.
  [[nodiscard]] bool finish(std::uint32_t stream, End end);

 private:
  void wrote(std::size_t n) noexcept;
  void split(std::uint32_t stream, std::uint8_t flags);

  Transport& to_;
  HpackEncoder& encoder_;
  std::span<std::byte> room_;
  std::size_t used_ = kFrameHeader;
  bool broken_ = false;
};

}  // namespace aralez::h2
