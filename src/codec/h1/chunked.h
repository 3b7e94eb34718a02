#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aralez::h1 {

/// Reads the framing of a chunked body (RFC 9112 section 7.1), byte exact: CRLF only, bounded size
/// line. Holds no bytes: the caller keeps what was not consumed and feeds it again with more behind
/// it.
class ChunkDecoder {
 public:
  enum class Step : std::uint8_t {
    framing,   ///< `bytes` of framing consumed; call again
    data,      ///< `bytes` of body follow at the front, to be consumed by the caller with take()
    trailers,  ///< the last chunk is through; the trailer section follows
    more,      ///< not enough text to decide
    bad,
  };
  struct Result {
    Step step;
    std::size_t bytes = 0;
    std::string_view why{};  ///< static, when bad
  };

  [[nodiscard]] Result next(std::string_view text);
  /// The caller has taken `n` body bytes. Pre: n <= what next() offered.
  void take(std::size_t n) noexcept;

 private:
  enum class State : std::uint8_t { size, data, data_end, trailers };

  Result size_line(std::string_view text);

  State state_ = State::size;
  std::uint64_t left_ = 0;
};

}  // namespace aralez::h1
