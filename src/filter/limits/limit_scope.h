#pragma once

#include <string_view>

#include "base/hash.h"
#include "filter/limits/counter_table.h"
#include "http/request_context.h"

namespace aralez {

/// What is counted. The same client has a count of each kind.
enum class LimitKind : char { rate = 'r', errors = '4', failed_auth = 'a' };

/// The counts that one limit is about: those of a kind, at a virtual host or at one of its routes.
/// Made of names, so that counts outlive a reload of the configuration.
class LimitScope {
 public:
  /// `secret` is that of the process; `path` is empty when the whole host is counted together.
  LimitScope(std::uint64_t secret, LimitKind kind, std::string_view host, std::string_view path) {
    const char name = static_cast<char>(kind);
    KeyedHash hash(secret);
    hash.add({&name, 1});
    hash.add(host);
    hash.add(path);
    seed_ = hash.value();
  }
  /// The count of a client: of an IPv4 address, or of a /64 of IPv6.
  [[nodiscard]] CounterTable::Key of(const ClientInfo& client) const noexcept {
    const IpBytes network = client_network(client.address);
    return KeyedHash::of(seed_, as_text(std::as_bytes(std::span(network))));
  }

 private:
  std::uint64_t seed_;
};

}  // namespace aralez
