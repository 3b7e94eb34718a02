#include "codec/h2/block_writer.h"

#include <array>
#include <charconv>
#include <string>

namespace aralez::h2 {
namespace {

std::size_t text_size(const Fields& fields) {
  std::size_t n = 0;
  for (const Field& f : fields) n += f.name.size() + f.value.size();
  return n;
}

/// What no header block may have (RFC 9113 section 8.2.2), and what the codec writes itself.
bool of_connection(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    default: return false;
  }
}

}  // namespace

BlockWriter::BlockWriter(Transport& to, HpackEncoder& encoder, const Fields& fields,
                         std::size_t more_lines, std::size_t more_bytes)
    : to_(to),
      encoder_(encoder),
      room_(to.output_space(kFrameHeader + HpackEncoder::bound(fields.size() + more_lines,
                                                               text_size(fields) + more_bytes))) {}

void BlockWriter::put(std::string_view name, std::string_view value, FieldId id) {
  wrote(broken_ ? 0 : encoder_.put(name, value, id, room_.subspan(used_)));
}

void BlockWriter::put_status(std::uint16_t status) {
  wrote(broken_ ? 0 : encoder_.put_status(status, room_.subspan(used_)));
}

void BlockWriter::wrote(std::size_t n) noexcept {
  broken_ = n == 0;
  used_ += n;
}

void BlockWriter::put_number(std::string_view name, std::uint64_t value, FieldId id) {
  std::array<char, 20> text;
  const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value);
  put(name, {text.data(), static_cast<std::size_t>(end - text.data())}, id);
}

void BlockWriter::put_field(const Field& field) {
  if (!of_connection(field.id)) put(field.name, field.value, field.id);
}

bool BlockWriter::finish(std::uint32_t stream, End end) {
  if (broken_) return false;
  const std::uint8_t flags = end == End::yes ? flag::kEndStream : std::uint8_t{0};
  const std::size_t size = used_ - kFrameHeader;
  if (size > kMaxPayload) {
    split(stream, flags);
    return true;
  }
  put_frame_header(room_.data(), {static_cast<std::uint32_t>(size), FrameType::headers,
                                  static_cast<std::uint8_t>(flags | flag::kEndHeaders), stream});
  to_.commit_output(used_);
  return true;
}

void BlockWriter::split(std::uint32_t stream, std::uint8_t flags) {
  const std::string block(as_text(room_.subspan(kFrameHeader, used_ - kFrameHeader)));
  for (std::size_t at = 0; at < block.size(); at += kMaxPayload) {
    const auto part = std::string_view(block).substr(at, kMaxPayload);
    const bool last = at + part.size() == block.size();
    const auto type = at == 0 ? FrameType::headers : FrameType::continuation;
    const auto f =
        static_cast<std::uint8_t>((at == 0 ? flags : 0) | (last ? flag::kEndHeaders : 0));
    const auto space = to_.output_space(kFrameHeader + part.size());
    put_frame_header(space.data(), {static_cast<std::uint32_t>(part.size()), type, f, stream});
    std::memcpy(space.data() + kFrameHeader, part.data(), part.size());
    to_.commit_output(kFrameHeader + part.size());
  }
}

}  // namespace aralez::h2
