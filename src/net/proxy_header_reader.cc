#include "net/proxy_header_reader.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace aralez {

bool ProxyHeaderReader::start(UniqueFd fd, Millis timeout) {
  fd_ = std::move(fd);
  // Edge-triggered: what is looked at stays in the kernel, and only more of it is news.
  if (!reactor_.watch(fd_.get(), *this, Watch::stream)) return false;
  timer_.arm(reactor_.timers(), reactor_.now() + timeout);
  return true;
}

void ProxyHeaderReader::close() noexcept {
  if (!fd_) return;
  reactor_.unwatch(fd_.get());
  fd_.reset();
  timer_.cancel();
}

void ProxyHeaderReader::on_io(std::uint32_t what) {
  using enum ProxyHeaderEvents::NoHeader;
  if (!fd_) return;
  std::array<char, ProxyHeader::kMaxSize> bytes;
  const ssize_t n = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_PEEK);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(silent, {});
  const auto header = parse_proxy_header({bytes.data(), static_cast<std::size_t>(n)});
  switch (header.state) {
    case ProxyHeader::State::complete: return take(header);
    case ProxyHeader::State::malformed: return fail(malformed, header.why);
    case ProxyHeader::State::incomplete: break;
  }
  if (what & (ready::kPeerEnd | ready::kBroken))
    fail(malformed, "connection was closed within its PROXY header");
}

void ProxyHeaderReader::take(const ProxyHeader& header) {
  std::array<char, ProxyHeader::kMaxSize> bytes;
  // All of it is there, so that this is one call.
  if (::recv(fd_.get(), bytes.data(), header.size, 0) != static_cast<ssize_t>(header.size))
    return fail(ProxyHeaderEvents::NoHeader::malformed, "PROXY header cannot be read");
  timer_.cancel();
  reactor_.unwatch(fd_.get());
  events_.on_proxy_header(std::move(fd_), header.client);
}

void ProxyHeaderReader::on_timeout(TimePoint) {
  fail(ProxyHeaderEvents::NoHeader::late, "PROXY header took too long");
}

void ProxyHeaderReader::fail(ProxyHeaderEvents::NoHeader what, std::string_view why) {
  close();
  events_.on_no_proxy_header(what, why);
}

}  // namespace aralez
