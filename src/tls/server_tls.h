#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "io/loop.h"
#include "tls/ticket_keys.h"
#include "tls/tls_transport.h"

struct ssl_ctx_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace aralez {

class ServerContexts;
class ServerTls;

/// One of the handshakes that a worker has under way at most (Limits::kMaxHandshakes).
class HandshakeSlot {
 public:
  HandshakeSlot() = default;
  explicit HandshakeSlot(std::uint32_t& taken) noexcept : taken_(&taken) { ++taken; }
  HandshakeSlot(HandshakeSlot&& o) noexcept : taken_(std::exchange(o.taken_, nullptr)) {}
  HandshakeSlot& operator=(HandshakeSlot&& o) noexcept {
    std::swap(taken_, o.taken_);
    return *this;
  }
  ~HandshakeSlot() { release(); }
  /// The handshake is over.
  void release() noexcept {
    if (std::uint32_t* taken = std::exchange(taken_, nullptr)) --*taken;
  }

 private:
  std::uint32_t* taken_ = nullptr;
};

/// The server end of a new connection, and its place among the handshakes.
struct ServerHandshake {
  SslPtr ssl;
  HandshakeSlot slot;
};

/// What one worker needs to accept TLS connections. Outlives them; belongs to the worker's thread.
class ServerTls {
 public:
  ServerTls(Loop& loop, const TicketSeed& seed);
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;
  ~ServerTls();

  /// Handshakes that begin, or ask for a name, from now on meet these; the rest go on with what
  /// they have.
  void adopt(std::shared_ptr<const ServerContexts> contexts);
  /// Nullopt when too many are under way, before adopt(), or when memory is out.
  [[nodiscard]] std::optional<ServerHandshake> accept();

  /// The callbacks that bring handshakes here. For ServerContexts.
  static void install(ssl_ctx_st& context);

 private:
  [[nodiscard]] static int slot();
  [[nodiscard]] static ServerTls& of(const ssl_st& ssl);
  static int on_client_hello(ssl_st* ssl, int* alert, void*);
  static int on_server_name(ssl_st* ssl, int* alert, void*);
  static int on_ticket(ssl_st* ssl, unsigned char* name, unsigned char* iv,
                       evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac, int encrypt);

  Loop& loop_;
  TicketKeys tickets_;
  std::uint32_t handshakes_ = 0;
  std::shared_ptr<const ServerContexts> contexts_;
};

}  // namespace aralez
