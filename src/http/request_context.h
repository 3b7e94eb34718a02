#pragma once

#include <ctime>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/chain.h"
#include "http/endpoint_choice.h"
#include "http/head.h"
#include "http/uri.h"
#include "io/socket_address.h"
#include "observe/names.h"
#include "observe/reason.h"

namespace aralez {

/// Which hosts belong on a connection.
class HostCheck {
 public:
  /// `host` is normalised.
  [[nodiscard]] virtual bool covers(std::string_view host) const = 0;

 protected:
  ~HostCheck() = default;
};

class AddressSet;

/// Who is asking. Fixed for the life of a client connection, unless the peer is a trusted proxy:
/// then each request has one of its own (proxy/client_address.h).
struct ClientInfo {
  std::string_view ip;       ///< of the client, text without port
  std::string_view peer_ip;  ///< of whoever connects: the client, or the proxy we hear of it from
  IpBytes address{};         ///< `ip` in bytes: what clients are told apart by
  /// The proxies whose X-Forwarded-* are believed, when the peer is one of them; else null.
  const AddressSet* trusted = nullptr;
  bool tls = false;  ///< the client itself uses TLS
  // What loopback-only rules are about: both, for a proxy on this machine is no local client.
  bool peer_loopback = false;  ///< the connection comes from this machine, whatever a proxy says
  bool proxied = false;        ///< a PROXY header or a trusted proxy says so; others may lie
  std::optional<TlsLabel> tls_version = {};  ///< of the connection, for logs
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

class RequestDriver;
struct WorkerContext;

/// What a step of a route, a filter or a responder, decided.
enum class Verdict : std::uint8_t {
  proceed,
  replied,  ///< `reply` holds the answer; nothing behind this step sees the request
  wait,     ///< the step gave itself to RequestDriver::wait_for and decides later
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
  /// Both null where nothing is served, as for --explain: a step that needs them proceeds.
  WorkerContext* worker = nullptr;
  RequestDriver* driver = nullptr;
  EndpointChoice* endpoint = nullptr;  ///< null where nothing is forwarded
  /// Added to the final answer or 101, whoever makes it; texts as in Head. Null as `driver`.
  Fields* answer_fields = nullptr;
};

/// What a step that answered `wait` is doing for a request.
class PendingStep {
 public:
  /// The request is over: the step frees what it holds and calls nobody.
  virtual void cancel() = 0;

 protected:
  ~PendingStep() = default;
};

/// How a step that answered `wait` gives its decision; the exchange of the request. All of it on
/// the worker's thread.
class RequestDriver {
 public:
  /// Before returning `wait`. `step` lives until resume() or its cancel().
  virtual void wait_for(PendingStep& step) = 0;
  /// Once, and never from within the call that returned `wait`. `verdict` is not `wait`; the step
  /// is forgotten first. May end the request: touch nothing of it afterwards.
  virtual void resume(Verdict verdict, Reply&& reply) = 0;
  /// As the waiting step saw it.
  [[nodiscard]] virtual RequestContext request_context() = 0;

 protected:
  ~RequestDriver() = default;
};

/// A terminal step that answers from what it has: files, the admin service. Immutable, shared by
/// all workers through the snapshot; called on a worker, may touch the file system but must not
/// wait for a peer: for that there is Verdict::wait.
class Responder {
 public:
  virtual ~Responder() = default;
  /// How much body this request may bring, bytes. 0: whatever it brings is swallowed unread; a
  /// longer one is refused with 413.
  [[nodiscard]] virtual std::size_t max_body(const RequestContext&) const { return 0; }
  /// Called when the whole body is there, if it wants one. `replied` or `wait`.
  [[nodiscard]] virtual Verdict respond(RequestContext& request, const Chain& body,
                                        Reply& reply) const = 0;
};

}  // namespace aralez
