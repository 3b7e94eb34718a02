#pragma once

#include "net/proxy_header_reader.h"
#include "proxy/downstream_connection.h"
#include "server/door.h"

namespace aralez {

class UnnamedConnection;

class UnnamedOwner : public ConnectionOwner {
 public:
  /// The client is known. `c` is of no more use, but for on_connection_closed().
  virtual void on_named(UnnamedConnection& c, UniqueFd fd,
                        const std::optional<SocketAddress>& client) = 0;
  /// There will be no client. on_connection_closed() follows.
  virtual void on_not_named(UnnamedConnection& c, ProxyHeaderEvents::NoHeader what,
                            std::string_view why) = 0;

 protected:
  ~UnnamedOwner() = default;
};

/// A connection whose PROXY header is still to come. Whoever it is for is not known, so that it is
/// counted for nobody.
class UnnamedConnection final : public DownstreamConnection, private ProxyHeaderEvents {
 public:
  UnnamedConnection(Reactor& reactor, UnnamedOwner& owner, const SocketAddress& peer,
                    DoorOptions door, Millis timeout)
      : owner_(owner), peer_(peer), door_(door), timeout_(timeout), reader_(reactor, *this) {}

  [[nodiscard]] bool start(UniqueFd fd) override { return reader_.start(std::move(fd), timeout_); }
  /// Whoever was let in by the kernel has a request to come, and is let in.
  void drain() override {}
  void cut_off() override {
    reader_.close();
    owner_.on_connection_closed(*this);
  }
  [[nodiscard]] const SocketAddress* counted() const noexcept override { return nullptr; }
  [[nodiscard]] const SocketAddress& peer() const noexcept { return peer_; }
  [[nodiscard]] DoorOptions door() const noexcept { return door_; }

 private:
  void on_proxy_header(UniqueFd fd, const std::optional<SocketAddress>& client) override {
    owner_.on_named(*this, std::move(fd), client);
    owner_.on_connection_closed(*this);
  }
  void on_no_proxy_header(NoHeader what, std::string_view why) override {
    owner_.on_not_named(*this, what, why);
    owner_.on_connection_closed(*this);
  }

  UnnamedOwner& owner_;
  SocketAddress peer_;
  DoorOptions door_;
  Millis timeout_;
  ProxyHeaderReader reader_;
};

}  // namespace aralez
