#include "proxy/downstream_connection.h"

#include <fmt/format.h>

#include "proxy/context.h"

namespace aralez {

DownstreamConnection::DownstreamConnection(ProxyContext& context, ConnectionOwner& owner,
                                           const SocketAddress& peer, ListenerRole role)
    : socket_(context.reactor, codec_),
      codec_(socket_, *this, context.scratch, context.limits),
      context_(context),
      role_(role),
      client_{.loopback = peer.is_loopback()},
      ip_(peer.ip()),
      owner_(owner),
      peer_(peer) {
  client_.ip = ip_;
}

DownstreamConnection::~DownstreamConnection() = default;

bool DownstreamConnection::start(UniqueFd fd) {
  if (!socket_.adopt(std::move(fd))) return false;
  context_.counters.add(Counter::client_connections);
  codec_.start();
  return true;
}

StreamEvents& DownstreamConnection::on_stream(Stream& stream) {
  Exchange& x = context_.exchanges.take();
  x.start(stream, client_, role_);
  return x;
}

void DownstreamConnection::on_refused(const HeadError& error, Head* answer) {
  context_.counters.add(error.reason);
  if (context_.logger.enabled(LogLevel::info))
    context_.logger.write(
        LogLevel::info, "aralez::codec::h1",
        fmt::format("{} {}: {}, client {}", error.status, to_string(error.reason), error.why, ip_));
  if (!answer) return;
  Field* f = context_.scratch.fields.data();
  f[0] = {"Date", context_.dates.at(context_.wall_time()), FieldId::date};
  f[1] = {"Cache-Control", "private, no-store"};
  answer->fields = Fields(context_.scratch.fields, 2);
}

void DownstreamConnection::on_closed() {
  context_.counters.add(Counter::client_connections_closed);
  owner_.on_connection_closed(*this);
}

}  // namespace aralez
