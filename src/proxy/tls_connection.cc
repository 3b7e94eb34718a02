#include "proxy/tls_connection.h"

#include <algorithm>

namespace aralez {
namespace {

std::optional<TlsLabel> label_of(std::string_view version) {
  const auto* const found = std::find(kTlsNames.begin(), kTlsNames.end(), version);
  if (found == kTlsNames.end()) return std::nullopt;
  return static_cast<TlsLabel>(found - kTlsNames.begin());
}

}  // namespace

TlsConnection::TlsConnection(ProxyContext& context, ConnectionOwner& owner,
                             const ConnectionSource& source, ListenerRole role,
                             ServerHandshake handshake)
    : socket_(context.reactor, tls_),
      tls_(socket_, *this, std::move(handshake.ssl), context.limits.client_handshake_timeout),
      side_(context, owner, *this, source, role, ClientSide::Security::tls),
      context_(context),
      role_(role),
      slot_(std::move(handshake.slot)) {}

bool TlsConnection::start(UniqueFd fd) {
  if (!side_.opened(socket_.adopt(std::move(fd)))) return false;
  tls_.start();
  return true;
}

void TlsConnection::on_connected() {
  slot_.release();
  context_.counters.add(Counter::tls_handshakes);
  if (const auto version = label_of(tls_.tls_version())) {
    context_.counters.add(*version);
    side_.set_tls_version(*version);
  }
  if (tls_.resumed()) context_.counters.add(Counter::tls_resumed);
  if (tls_.alpn() == "h2") {
    if (role_ == ListenerRole::proxy) side_.limit_hosts(*this);
    h2_ = std::make_unique<h2::ServerCodec>(tls_, side_, context_.h2, context_.limits);
    tls_.set_events(*h2_);
    ReadBuffer nothing;
    h2_->start(nothing);
  } else {
    codec_.emplace(tls_, side_, context_.scratch, context_.limits);
    tls_.set_events(*codec_);
    codec_->start();
  }
  if (draining_) drain();
}

void TlsConnection::on_broken(Error e) {
  failed(e.code == Errc::timeout ? Reason::tls_timeout : Reason::tls_failed, e.what);
}

void TlsConnection::failed(Reason reason, std::string_view why) {
  slot_.release();
  context_.counters.add(Counter::tls_handshakes_failed);
  side_.refuse({.why = why, .reason = reason});
  side_.on_closed();
}

/// Whoever is shaking hands has a request to come, and is let in.
void TlsConnection::drain() {
  draining_ = true;
  if (codec_) codec_->drain();
  if (h2_) h2_->drain();
}

void TlsConnection::cut_off() {
  if (codec_) return codec_->cut_off();
  if (h2_) return h2_->cut_off();
  tls_.close(Transport::CloseMode::abort);
  failed(Reason::tls_failed, "cut off during the handshake");
}

}  // namespace aralez
