#include "cluster/upstream_tls.h"

#include "cluster/endpoint_pool.h"

namespace aralez {

UpstreamTls::UpstreamTls(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group, SslPtr ssl,
                         const Codecs& codecs)
    : UpstreamConnection(reactor, pool, UpstreamProtocol::unknown),
      codecs_(codecs),
      socket_(reactor, tls_, &pool.output_group()),
      tls_(socket_, *this, std::move(ssl), Millis{0}),
      facts_{group} {}

void UpstreamTls::on_connected() {
  if (tls_.alpn() == "h2") {
    h2::ClientEvents& owner = *this;
    h2_ =
        std::make_unique<h2::ClientCodec>(tls_, owner, codecs_.h2, h2::ClientCodec::Scheme::https);
    tls_.set_events(*h2_);
    return h2_->start();
  }
  h1::ClientEvents& owner = *this;
  h1_.emplace(tls_, owner, codecs_.h1);
  tls_.set_events(*h1_);
  tls_.start_recv();  // or nobody would hear that the upstream closes it while it is idle
  opened(UpstreamProtocol::tls_h1);
}

/// What is wrong with the network says the socket; the rest is about the handshake.
void UpstreamTls::on_broken(Error e) {
  if (e.code != Errc::refused && e.code != Errc::timeout && e.code != Errc::system) {
    ssl_st& ssl = *tls_.native();
    if (const auto why = refused_certificate(ssl); !why.empty())
      e = {Errc::unverified, Origin::upstream, why};
    else if (spoke_tls(ssl))
      e.code = Errc::tls;
    else if (e.code == Errc::protocol)
      e = {Errc::mismatch, Origin::upstream, "server does not speak TLS"};
  }
  ended(e);
}

/// Who agreed on HTTP/2 and says something else does not speak another protocol: it is broken.
void UpstreamTls::on_closed(Error why) {
  const bool opened = protocol() != UpstreamProtocol::unknown;
  if (!opened && why.origin == Origin::upstream) why.code = Errc::tls;
  ended(why);
}

void UpstreamTls::close() {
  if (h1_) return h1_->close(Transport::CloseMode::normal);
  if (h2_) return h2_->close(Transport::CloseMode::normal);
  tls_.close(Transport::CloseMode::normal);
  ended({Errc::eof, Origin::internal, "closed by us"});
}

}  // namespace aralez
