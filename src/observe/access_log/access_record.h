#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "observe/names.h"

namespace aralez {

/// The texts of a record, those of the line of text first.
enum class AccessText : std::uint8_t {
  method,
  target,
  host,
  client,
  user_agent,
  request_id,
  route_host,
  route_path,
  upstream
};
inline constexpr std::size_t kAccessTexts = std::to_underlying(AccessText::upstream) + 1;
/// How many of them the line of text has.
inline constexpr std::size_t kLineTexts = std::to_underlying(AccessText::user_agent) + 1;

/// What of a text is kept; the rest shows as `...`.
inline constexpr std::array<std::uint16_t, kAccessTexts> kAccessTextLimits{
    32, 8192, 300, 64, 1024, 128, 300, 1024, 300};

/// One finished request, for the access log. Plain values: it crosses to another thread as bytes.
struct AccessFacts {
  TimePoint ended{};
  std::chrono::nanoseconds total{};
  /// Since the request began; negative: it did not come to that.
  std::chrono::nanoseconds connected{-1};
  std::chrono::nanoseconds first_byte{-1};
  std::uint64_t bytes_in = 0;   ///< body of the request
  std::uint64_t bytes_out = 0;  ///< body of the response
  std::uint32_t attempts = 0;   ///< times that the request was sent, or tried to be
  std::uint16_t status = 0;     ///< 0: there was no response
  VersionLabel version = VersionLabel::unknown;
  std::optional<std::uint8_t> grpc_status;
  std::optional<UpstreamLabel> upstream_protocol;
  std::optional<TlsLabel> tls;   ///< none: in the clear
  std::optional<Reason> reason;  ///< of an answer of our own
};
static_assert(std::is_trivially_copyable_v<AccessFacts>);

/// The same with its texts: views for the call.
struct AccessRecord {
  AccessFacts facts;
  std::array<std::string_view, kAccessTexts> texts{};
  /// A bit for each text that is not all that there was.
  std::uint16_t cut = 0;

  [[nodiscard]] std::string_view& text(AccessText t) noexcept {
    return texts[std::to_underlying(t)];
  }
  [[nodiscard]] std::string_view text(AccessText t) const noexcept {
    return texts[std::to_underlying(t)];
  }
  [[nodiscard]] bool is_cut(AccessText t) const noexcept {
    return (cut >> std::to_underlying(t) & 1U) != 0;
  }
};

}  // namespace aralez
