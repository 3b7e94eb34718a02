#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "config/file.h"
#include "tls/tls_transport.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace aralez {

/// How servers are judged that are reached by TLS.
struct ClientPolicy {
  bool verify = false;  ///< chain and name; without it any certificate will do
  std::string ca_file;  ///< PEM bundle; empty: the system's store

  friend bool operator==(const ClientPolicy&, const ClientPolicy&) = default;
};

/// A bundle of CA certificates. It must be a regular file; of one above 16 MiB there is one byte
/// more.
[[nodiscard]] FileText read_ca_file(const std::string& path);
/// What is wrong with a bundle of CA certificates; empty when it can be used.
[[nodiscard]] std::string check_ca_file(const std::string& path);

/// The last session of a server, for the next handshake with it. One worker; outlives the
/// connections that were opened with it.
class ClientSession {
 public:
  ClientSession() = default;
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  ~ClientSession() { keep(nullptr); }

  /// Takes the reference over.
  void keep(ssl_session_st* session) noexcept;
  [[nodiscard]] ssl_session_st* get() const noexcept { return session_; }

 private:
  ssl_session_st* session_ = nullptr;
};

/// What a client says in its first message.
struct ClientHello {
  enum class Alpn : std::uint8_t {
    http1,
    any,    ///< h2 before http/1.1
    probe,  ///< the same, and one that no server knows, see below
  };

  std::string_view server_name;  ///< SNI; empty or an address: none is sent
  /// The certificate has to be good for one of them. Only with ClientPolicy::verify.
  std::span<const std::string> names;
  Alpn alpn = Alpn::any;
  ClientSession* session = nullptr;
};

/// Makes the TLS ends of connections to servers. Immutable, shared by all workers; made off the
/// data path, because reading a store of certificates takes its time.
///
/// A probe offers CR LF CR LF as the name of another protocol (RFC 7301 section 3.1: any bytes, and
/// unknown ones are ignored). To a plain server that reads lines it ends a head, so that it answers
/// at once instead of waiting for more.
class ClientContext {
 public:
  /// A bundle that cannot be read trusts nobody: with `verify`, no handshake succeeds.
  [[nodiscard]] static std::shared_ptr<const ClientContext> make(const ClientPolicy& policy);

  [[nodiscard]] const ClientPolicy& policy() const noexcept { return policy_; }
  /// Equal for contexts that judge alike: policy and bytes of the bundle.
  [[nodiscard]] const std::string& identity() const noexcept { return identity_; }
  /// Whether the bundle has the same bytes still; reads it.
  [[nodiscard]] bool up_to_date() const;

  /// Null when out of memory.
  [[nodiscard]] SslPtr open(const ClientHello& hello) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  using ContextPtr = std::unique_ptr<ssl_ctx_st, Free>;

  ClientContext(const ClientPolicy& policy, ContextPtr context, std::string identity)
      : policy_(policy), context_(std::move(context)), identity_(std::move(identity)) {}

  ClientPolicy policy_;
  ContextPtr context_;
  std::string identity_;
};

/// After a handshake that failed: whether the server spoke TLS at all, be it an alert.
[[nodiscard]] bool spoke_tls(ssl_st& ssl) noexcept;
/// Why the certificate of a server was refused; empty when it was not. Static text.
[[nodiscard]] std::string_view refused_certificate(ssl_st& ssl) noexcept;

}  // namespace aralez
