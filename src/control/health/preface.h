#pragma once

#include <array>
#include <optional>

#include "base/unique_fd.h"
#include "control/health/probe.h"
#include "io/socket_address.h"

namespace aralez {

/// Says the preface of HTTP/2 to a server in clear and waits for its SETTINGS. One socket, closed
/// with the object.
class Preface {
 public:
  /// Connects. `outcome` when that has failed already.
  explicit Preface(const SocketAddress& to);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Of poll(): what it waits for.
  [[nodiscard]] short events() const noexcept;
  /// Goes on as far as it can; gives what came of it when it is over.
  [[nodiscard]] std::optional<ProbeOutcome> advance();

 private:
  enum class State : std::uint8_t { connecting, waiting, over };
  static constexpr std::size_t kFrameHead = 9;  // RFC 9113 section 4.1

  [[nodiscard]] std::optional<ProbeOutcome> send();
  [[nodiscard]] std::optional<ProbeOutcome> receive();
  [[nodiscard]] ProbeOutcome failed(int err);

  UniqueFd fd_;
  State state_ = State::connecting;
  int error_ = 0;
  std::array<unsigned char, kFrameHead> head_{};
  std::size_t have_ = 0;
};

}  // namespace aralez
