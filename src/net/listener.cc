#include "net/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace aralez {
namespace {

std::unexpected<ListenError> error_at(const SocketAddress& a, std::string_view step) {
  const int err = errno;
  return std::unexpected(
      ListenError{err, a.to_string() + ": " + std::string(step) + ": " + std::strerror(err)});
}

void set(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

enum class Share : bool { no, yes };

std::expected<UniqueFd, ListenError> bound_socket(const SocketAddress& address, Share share) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return error_at(address, "socket");
  set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (share == Share::yes) set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(fd.get(), address.raw(), address.length()) != 0) return error_at(address, "bind");
  return fd;
}

}  // namespace

std::expected<void, ListenError> probe_address(const SocketAddress& address) {
  auto fd = bound_socket(address, Share::no);
  if (!fd) return std::unexpected(std::move(fd.error()));
  return {};
}

std::expected<UniqueFd, ListenError> open_listener(const SocketAddress& address,
                                                   const ListenOptions& o) {
  auto fd = bound_socket(address, Share::yes);
  if (!fd) return fd;
  // Accepted sockets inherit these, which saves a call per connection.
  set(fd->get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (o.keepalive.idle > 0) {
    set(fd->get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd->get(), IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(o.keepalive.idle));
    set(fd->get(), IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(o.keepalive.interval));
    set(fd->get(), IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(o.keepalive.count));
  }
  if (::listen(fd->get(), o.backlog) != 0) return error_at(address, "listen");
  return fd;
}

Listener::Listener(Reactor& reactor, UniqueFd fd, AcceptEvents& events)
    : reactor_(reactor), fd_(std::move(fd)), events_(events) {}

bool Listener::start() {
  return reactor_.watch(fd_.get(), *this, Watch::listener);
}

void Listener::on_io(std::uint32_t) {
  accept_some(kAcceptsPerTurn);
}

bool Listener::accept_some(int most) {
  for (int i = 0; i < most && fd_; ++i) {
    sockaddr_storage raw{};
    socklen_t len = sizeof raw;
    auto* peer = reinterpret_cast<sockaddr*>(&raw);
    UniqueFd fd(::accept4(fd_.get(), peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      events_.on_accept(std::move(fd), SocketAddress::from_raw(peer, len));
      reactor_.run_deferred();
      continue;
    }
    if (errno == EAGAIN) return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause(errno);
      return false;
    }
    // ECONNABORTED and network errors belong to that one connection.
  }
  return true;
}

void Listener::pause(int err) {
  reactor_.unwatch(fd_.get());
  pause_timer_.arm(reactor_.timers(), reactor_.now() + kPause);
  events_.on_accept_paused(err);
}

void Listener::resume(TimePoint) {
  if (fd_ && !start()) pause_timer_.arm(reactor_.timers(), reactor_.now() + kPause);
}

void Listener::drain() {
  while (accept_some(kAcceptsPerTurn)) {
  }
  close();
}

void Listener::close() noexcept {
  if (!fd_) return;
  if (!pause_timer_.armed()) reactor_.unwatch(fd_.get());
  pause_timer_.cancel();
  fd_.reset();
}

}  // namespace aralez
