#pragma once

#include <string>

#include "http/server_events.h"
#include "net/connection_source.h"
#include "proxy/downstream_connection.h"
#include "proxy/exchange.h"

namespace aralez {

/// What every kind of client connection has: who the client is, an exchange for each of its
/// requests, a word on what the codec refused.
class ClientSide final : public ServerEvents {
 public:
  enum class Security : bool { plain, tls };

  ClientSide(ProxyContext& context, ConnectionOwner& owner, DownstreamConnection& connection,
             const ConnectionSource& source, ListenerRole role, Security security);

  /// Counts the connection; false, and nothing is counted, unless `watched`.
  [[nodiscard]] bool opened(bool watched);
  /// A line of the log and a count, for what is refused before there is a codec.
  void refuse(const HeadError& error) { on_refused(error, nullptr); }
  /// Requests for hosts that `check` does not cover are refused from now on.
  void limit_hosts(const HostCheck& check) { client_.hosts = &check; }
  void set_tls_version(TlsLabel version) { client_.tls_version = version; }
  [[nodiscard]] const SocketAddress& client() const noexcept { return address_; }

  StreamEvents& on_stream(Stream& stream) override;
  void on_refused(const HeadError& error, Head* answer) override;
  bool on_http2(ReadBuffer& first) override { return connection_.speak_http2(first); }
  void on_closed() override;

 private:
  ProxyContext& context_;
  ListenerRole role_;
  ClientInfo client_;
  std::string ip_;
  ConnectionOwner& owner_;
  DownstreamConnection& connection_;
  SocketAddress address_;
};

}  // namespace aralez
