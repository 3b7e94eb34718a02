#include "codec/h1/chunked.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/limits.h"
#include "http/scan.h"

namespace aralez::h1 {
namespace {

ChunkDecoder::Result bad(std::string_view why) {
  return {ChunkDecoder::Step::bad, 0, why};
}
constexpr std::size_t kMaxDigits = 15;  // below 2^60, so no sum overflows

/// Extensions are not used, but must look like some: `;` and printable text without a quote left
/// open.
bool extension_ok(std::string_view ext) {
  ext = trim_ows(ext);
  if (ext.empty()) return true;
  if (ext.front() != ';') return false;
  return std::count(ext.begin(), ext.end(), '"') % 2 == 0 && ext.size() > 1;
}

}  // namespace

ChunkDecoder::Result ChunkDecoder::size_line(std::string_view text) {
  std::uint64_t size = 0;
  std::size_t digits = 0;
  while (digits < text.size() && hex_value(text[digits]) >= 0) {
    if (digits == kMaxDigits) return bad("chunk size too large");
    size = size * 16 + static_cast<std::uint64_t>(hex_value(text[digits]));
    ++digits;
  }
  if (digits == text.size()) return {Step::more};
  if (digits == 0) return bad("chunk size is not a hexadecimal number");
  const auto rest = text.substr(digits);
  const auto n = value_end(rest);
  if (n > Limits::kMaxChunkExtension) return bad("chunk extension too long");
  if (n == rest.size()) return {Step::more};
  if (rest[n] != '\r') return bad("chunk size line does not end in CRLF");
  if (n + 1 == rest.size()) return {Step::more};
  if (rest[n + 1] != '\n') return bad("chunk size line does not end in CRLF");
  if (!extension_ok(rest.substr(0, n))) return bad("malformed chunk extension");
  left_ = size;
  state_ = size == 0 ? State::trailers : State::data;
  return {Step::framing, digits + n + 2};
}

ChunkDecoder::Result ChunkDecoder::next(std::string_view text) {
  switch (state_) {
    case State::size: return size_line(text);
    case State::data:
      if (text.empty()) return {Step::more};
      return {Step::data, static_cast<std::size_t>(std::min<std::uint64_t>(left_, text.size()))};
    case State::data_end:
      if (!text.empty() && text[0] != '\r') return bad("chunk data longer than its size");
      if (text.size() < 2) return {Step::more};
      if (text[1] != '\n') return bad("chunk data does not end in CRLF");
      state_ = State::size;
      return {Step::framing, 2};
    case State::trailers: return {Step::trailers};
  }
  return bad("chunked state");
}

void ChunkDecoder::take(std::size_t n) noexcept {
  left_ -= n;
  if (left_ == 0) state_ = State::data_end;
}

}  // namespace aralez::h1
