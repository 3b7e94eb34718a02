#pragma once

#include "io/reactor.h"
#include "net/proxy_header.h"

namespace aralez {

class ProxyHeaderEvents {
 public:
  /// The header has been taken off the connection, of which no other byte was read. `client` as in
  /// ProxyHeader.
  virtual void on_proxy_header(UniqueFd fd, const std::optional<SocketAddress>& client) = 0;
  /// There is none. The connection is closed.
  enum class NoHeader : std::uint8_t {
    silent,  ///< closed by the peer without a byte: how load balancers look whether somebody is
             ///< here
    malformed,
    late
  };
  virtual void on_no_proxy_header(NoHeader what, std::string_view why) = 0;

 protected:
  ~ProxyHeaderEvents() = default;
};

/// Waits for the PROXY header of an accepted connection, before anybody else reads from it. Looks
/// at the bytes in the kernel and takes the header only, so that nothing has to be handed on. One
/// event, from the loop; not to be destroyed from within.
class ProxyHeaderReader final : private IoHandler {
 public:
  ProxyHeaderReader(Reactor& reactor, ProxyHeaderEvents& events)
      : reactor_(reactor), events_(events) {}
  ProxyHeaderReader(const ProxyHeaderReader&) = delete;
  ProxyHeaderReader& operator=(const ProxyHeaderReader&) = delete;
  ~ProxyHeaderReader() { close(); }

  /// False when the kernel refuses to watch the socket.
  [[nodiscard]] bool start(UniqueFd fd, Millis timeout);
  /// No event follows.
  void close() noexcept;

 private:
  void on_io(std::uint32_t what) override;
  void on_timeout(TimePoint now);
  void take(const ProxyHeader& header);
  void fail(ProxyHeaderEvents::NoHeader what, std::string_view why);

  Reactor& reactor_;
  ProxyHeaderEvents& events_;
  UniqueFd fd_;
  MemberTimer<ProxyHeaderReader, &ProxyHeaderReader::on_timeout> timer_{*this};
};

}  // namespace aralez
