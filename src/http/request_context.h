#pragma once

#include <ctime>
#include <string_view>

#include "base/arena.h"
#include "base/chain.h"
#include "http/head.h"
#include "http/uri.h"
#include "observe/reason.h"

namespace aralez {

/// Who is asking, fixed for the life of a client connection.
/// Which hosts belong on a connection.
class HostCheck {
 public:
  /// `host` is normalised.
  [[nodiscard]] virtual bool covers(std::string_view host) const = 0;

 protected:
  ~HostCheck() = default;
};

struct ClientInfo {
  std::string_view ip;  ///< text without port
  bool tls = false;
  bool loopback = false;
  /// Of a connection of TLS that carries requests for several hosts (RFC 9110 section 7.4); lives
  /// as long as the connection.
  const HostCheck* hosts = nullptr;
};

/// A whole answer made by the proxy itself.
struct Reply {
  std::uint16_t status = 0;
  Fields fields;                     ///< without framing and Date
  Chain body;                        ///< memory or file pieces; sent only if the method is not HEAD
  BodyLength length;                 ///< `known` for everything but 204 and 304
  Reason reason = Reason::internal;  ///< counted and logged, for answers that refuse or redirect
  std::string_view why;              ///< static text: more than the reason says, or empty
  bool last = false;                 ///< as in Head
};

/// What filters and responders see of a request. Lives in the exchange; views as in Head.
struct RequestContext {
  Head& request;
  const TargetPath& path;
  std::string_view host;  ///< normalised, see Authority
  const ClientInfo& client;
  Arena& arena;
  BlockPool& blocks;
  std::time_t wall_time;
};

/// A terminal step that answers at once from what it has: files, the admin service. Immutable,
/// shared by all workers through the snapshot; called on a worker, may touch the file system but
/// must not wait for a peer.
class Responder {
 public:
  virtual ~Responder() = default;
  /// `body` is empty: no responder asks for request bodies today, they are swallowed unread.
  virtual void respond(RequestContext& request, const Chain& body, Reply& reply) const = 0;
};

}  // namespace aralez
