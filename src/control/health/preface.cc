#include "control/health/preface.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace aralez {
namespace {

/// The preface and a SETTINGS frame without settings.
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
constexpr std::size_t kPrefaceSize = sizeof kPreface - 1;
static_assert(kPrefaceSize == 24 + 9);

constexpr unsigned char kSettings = 4;
constexpr unsigned char kAck = 1;

}  // namespace

Preface::Preface(const SocketAddress& to)
    : fd_(::socket(to.raw()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (!fd_ || (::connect(fd_.get(), to.raw(), to.length()) != 0 && errno != EINPROGRESS)) {
    error_ = errno;
    state_ = State::over;
  }
}

short Preface::events() const noexcept {
  return state_ == State::connecting ? POLLOUT : POLLIN;
}

ProbeOutcome Preface::failed(int err) {
  state_ = State::over;
  const bool ours = err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
  return {.kind = ours ? ProbeOutcome::Kind::ours : ProbeOutcome::Kind::unreachable,
          .error = std::generic_category().message(err)};
}

std::optional<ProbeOutcome> Preface::advance() {
  if (error_ != 0) return failed(error_);
  if (state_ == State::connecting)
    if (auto outcome = send()) return outcome;
  if (state_ == State::waiting) return receive();
  return std::nullopt;
}

std::optional<ProbeOutcome> Preface::send() {
  pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 0) != 1) return std::nullopt;
  int err = 0;
  socklen_t length = sizeof err;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &err, &length) != 0) err = errno;
  if (err != 0) return failed(err);
  // A new socket takes so little at once.
  if (::send(fd_.get(), kPreface, kPrefaceSize, MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kPrefaceSize)) {
    state_ = State::over;
    return ProbeOutcome{.kind = ProbeOutcome::Kind::no_answer, .error = "closed the connection"};
  }
  state_ = State::waiting;
  return std::nullopt;
}

std::optional<ProbeOutcome> Preface::receive() {
  while (have_ < kFrameHead) {
    const ssize_t n = ::recv(fd_.get(), head_.data() + have_, kFrameHead - have_, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    if (n <= 0) {
      state_ = State::over;
      return ProbeOutcome{.kind = ProbeOutcome::Kind::no_answer, .error = "closed the connection"};
    }
    have_ += static_cast<std::size_t>(n);
  }
  state_ = State::over;
  const std::size_t length = head_[0] * 65536U + head_[1] * 256U + head_[2];
  const bool on_connection =
      (head_[5] & 0x7f) == 0 && head_[6] == 0 && head_[7] == 0 && head_[8] == 0;
  if (head_[3] == kSettings && (head_[4] & kAck) == 0 && on_connection && length % 6 == 0)
    return ProbeOutcome{.kind = ProbeOutcome::Kind::answered};
  return ProbeOutcome{.kind = ProbeOutcome::Kind::no_answer, .error = "does not speak HTTP/2"};
}

}  // namespace aralez
