#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/certificate_pair.h"
#include "tls/server_policy.h"

namespace aralez {

/// Certificates by name, ready for handshakes. Immutable, shared by all workers, made off them.
///
/// A name has one context with the best certificate of each kind of key that covers it (RSA and
/// ECDSA, so that old and new clients both get theirs): valid before expired, then the one issued
/// last, then by file name. Tickets of one context are worth nothing to a context for other names
/// (threats row 22).
class ServerContexts {
 public:
  /// Pairs that OpenSSL refuses under the policy become findings. Null when none is left.
  [[nodiscard]] static std::shared_ptr<const ServerContexts> make(
      const std::vector<CertificatePairPtr>& pairs, const ServerPolicy& policy, std::time_t now,
      std::vector<CertificateFinding>& findings);

  /// Exactly that name, else `*.` and what follows its first label, else the default: that of the
  /// first pair by file name. Any bytes will do.
  [[nodiscard]] SSL_CTX& select(std::string_view server_name) const noexcept;
  [[nodiscard]] SSL_CTX& fallback() const noexcept { return *contexts_.front(); }
  [[nodiscard]] std::size_t names() const noexcept { return exact_.size() + wildcards_.size(); }

 private:
  friend class ContextBuilder;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>()(s);
    }
  };
  using ByName = std::unordered_map<std::string, SSL_CTX*, Hash, std::equal_to<>>;

  std::vector<SslContextPtr> contexts_;  ///< the default first
  ByName exact_;
  ByName wildcards_;  ///< without the `*.`
};

}  // namespace aralez
