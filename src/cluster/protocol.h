#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "cluster/cluster_spec.h"
#include "observe/names.h"

namespace aralez {

/// What a connection to a server speaks once it is open.
enum class UpstreamProtocol : std::uint8_t { unknown, plain_h1, h2c, tls_h1, tls_h2 };

[[nodiscard]] constexpr bool multiplexes(UpstreamProtocol p) noexcept {
  return p == UpstreamProtocol::h2c || p == UpstreamProtocol::tls_h2;
}
[[nodiscard]] constexpr bool over_tls(UpstreamProtocol p) noexcept {
  return p == UpstreamProtocol::tls_h1 || p == UpstreamProtocol::tls_h2;
}
[[nodiscard]] std::string_view name_of(UpstreamProtocol p) noexcept;
/// Pre: not unknown.
[[nodiscard]] constexpr UpstreamLabel label_of(UpstreamProtocol p) noexcept {
  return static_cast<UpstreamLabel>(static_cast<unsigned>(p) - 1);
}

/// How a connection begins: what is said first, and what has to be heard before it is open. Nothing
/// of a request is sent before that.
enum class Wire : std::uint8_t {
  tls,       ///< ClientHello; the end of the handshake, ALPN says which HTTP
  h2c,       ///< preface and SETTINGS (RFC 9113 section 3.3); the peer's SETTINGS
  plain_h1,  ///< nothing, nothing
};
inline constexpr std::size_t kWires = 3;

/// Wires that were tried.
class WireSet {
 public:
  void add(Wire w) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(w)); }
  void clear() noexcept { bits_ = 0; }
  [[nodiscard]] bool has(Wire w) const noexcept { return (bits_ & bit(w)) != 0; }
  [[nodiscard]] bool single() const noexcept { return (bits_ & (bits_ - 1)) == 0; }

 private:
  static constexpr std::uint8_t bit(Wire w) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(w));
  }
  std::uint8_t bits_ = 0;
};

/// What one worker knows of the protocol of one endpoint. Found out by handshakes: TLS first, for a
/// greeting gives nothing away and plain HTTP would; then HTTP/2 in clear; what answers neither is
/// taken for HTTP/1.1. Where certificates are verified only TLS will do, or whoever sits between
/// could talk us out of it.
class Detection {
 public:
  explicit Detection(const EndpointSpec& spec);

  /// What to count on, `unknown` when it has to be found out (again).
  [[nodiscard]] UpstreamProtocol known(TimePoint now) const noexcept {
    return doubted_ || now >= sure_until_ ? UpstreamProtocol::unknown : protocol_;
  }
  /// What it was found to speak last, in doubt or not.
  [[nodiscard]] UpstreamProtocol last() const noexcept { return protocol_; }
  /// The wire to try next; none when all that may be tried have been.
  [[nodiscard]] std::optional<Wire> next(const WireSet& tried, TimePoint now) const noexcept;
  /// Whether there is a choice.
  [[nodiscard]] bool detects() const noexcept { return !allowed_.single(); }

  enum class Evidence : std::uint8_t {
    handshake,
    answers,  ///< it answered other greetings, but not as their protocol wants it
    silence,  ///< it did not answer another greeting in time
  };
  /// A connection is open. True when that is news.
  bool found(UpstreamProtocol p, Evidence evidence, TimePoint now) noexcept;
  /// It closed on a TLS greeting without a byte. True when that means that it speaks something
  /// else: a server of which TLS is known may be starting anew, and is not to be sent a request in
  /// clear because of that. The second time in a row it counts.
  bool hung_up() noexcept;
  /// Something went wrong that a change of protocol would explain. Not each time, or an upstream
  /// that fails often would be probed as often.
  void doubt(TimePoint now) noexcept;
  /// The endpoint could not be reached: whoever listens there next may be another.
  void lost() noexcept {
    if (detects()) doubted_ = true;
    http1_until_ = TimePoint::min();
  }
  /// It speaks HTTP/2, and has answered a request that it wants HTTP/1.1 (HTTP_1_1_REQUIRED, RFC
  /// 9113 section 7). True when that is news.
  bool wants_http1(TimePoint now) noexcept;
  /// Whether that still counts. Servers may mean one of their paths, so it does not for ever.
  [[nodiscard]] bool http1_wanted(TimePoint now) const noexcept { return now < http1_until_; }

 private:
  UpstreamProtocol protocol_ = UpstreamProtocol::unknown;
  bool doubted_ = false;
  bool hung_up_ = false;  ///< the last time
  WireSet allowed_;
  TimePoint sure_until_ = TimePoint::max();
  TimePoint found_at_ = TimePoint::min();
  TimePoint http1_until_ = TimePoint::min();
};

}  // namespace aralez
