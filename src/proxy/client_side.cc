#include "proxy/client_side.h"

#include <fmt/format.h>

#include "proxy/context.h"

namespace aralez {

ClientSide::ClientSide(ProxyContext& context, ConnectionOwner& owner,
                       DownstreamConnection& connection, const ConnectionSource& source,
                       ListenerRole role, Security security)
    : context_(context),
      role_(role),
      client_{.address = source.client.ip_bytes(),
              .trusted = source.trusted,
              .tls = security == Security::tls,
              .peer_loopback = source.peer_loopback,
              .proxied = source.proxied},
      ip_(source.client.ip()),
      owner_(owner),
      connection_(connection),
      address_(source.client) {
  client_.ip = client_.peer_ip = ip_;
}

bool ClientSide::opened(bool watched) {
  if (watched) context_.counters.add(Counter::client_connections);
  return watched;
}

StreamEvents& ClientSide::on_stream(Stream& stream) {
  Exchange& x = context_.exchanges.take();
  x.start(stream, client_, role_);
  return x;
}

void ClientSide::on_refused(const HeadError& error, Head* answer) {
  context_.counters.add(error.reason);
  if (context_.logger.enabled(LogLevel::info))
    context_.logger.write(
        LogLevel::info, "aralez::proxy::client",
        fmt::format("{} {}: {}, client {}", error.status, to_string(error.reason), error.why, ip_));
  if (!answer) return;
  Field* f = context_.scratch.fields.data();
  f[0] = {"Date", context_.dates.at(context_.wall_time()), FieldId::date};
  f[1] = {"Cache-Control", "private, no-store"};
  answer->fields = Fields(context_.scratch.fields, 2);
}

void ClientSide::on_closed() {
  context_.counters.add(Counter::client_connections_closed);
  owner_.on_connection_closed(connection_);
}

}  // namespace aralez
