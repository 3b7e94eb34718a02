#include "proxy/client_address.h"

#include <optional>

#include "base/ascii.h"

namespace aralez {
namespace {

/// `1.2.3.4`, `::1` or `[::1]`, each with or without a port where that is not ambiguous: there are
/// load balancers that write it.
std::optional<SocketAddress> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const auto behind = text.substr(close + 1);
    if (!behind.empty() && !SocketAddress::parse(text)) return std::nullopt;
    const auto inside = text.substr(1, close - 1);
    if (inside.find(':') == std::string_view::npos) return std::nullopt;
    return SocketAddress::from_ip(inside, 0);
  }
  const auto colon = text.find(':');
  const bool one_colon =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return one_colon ? SocketAddress::parse(text) : SocketAddress::from_ip(text, 0);
}

/// The elements of all X-Forwarded-For lines as if they were one, from the last to the first.
class Hops {
 public:
  explicit Hops(const Fields& fields) : begin_(fields.begin()), line_(fields.end()) {}

  /// False when there is no other.
  bool previous(std::string_view& hop) {
    if (rest_.empty() && !previous_line()) return false;
    const auto comma = rest_.rfind(',');
    const bool last = comma == std::string_view::npos;
    hop = trim_ows(last ? rest_ : rest_.substr(comma + 1));
    rest_ = last ? std::string_view{} : rest_.substr(0, comma);
    return true;
  }

 private:
  bool previous_line() {
    while (line_ != begin_)
      if ((--line_)->id == FieldId::x_forwarded_for && !line_->value.empty()) {
        rest_ = line_->value;
        return true;
      }
    return false;
  }

  const Field* begin_;
  const Field* line_;
  std::string_view rest_;
};

/// What proxies add. A peer that says none of it asks for itself.
constexpr FieldSet kSaid{FieldId::x_forwarded_for, FieldId::x_forwarded_proto,
                         FieldId::x_forwarded_host, FieldId::x_real_ip, FieldId::forwarded};

bool says_https(const Fields& fields, bool otherwise) {
  const Field* found = nullptr;
  for (const Field& f : fields) {
    if (f.id != FieldId::x_forwarded_proto) continue;
    if (found) return otherwise;
    found = &f;
  }
  if (!found) return otherwise;
  if (iequals(found->value, "https") || iequals(found->value, "wss")) return true;
  if (iequals(found->value, "http") || iequals(found->value, "ws")) return false;
  return otherwise;
}

}  // namespace

ClientInfo client_behind(const ClientInfo& connection, const Fields& request, Arena& arena) {
  ClientInfo client = connection;
  client.proxied = client.proxied || request.kinds().meets(kSaid);
  if (request.kinds().has(FieldId::x_forwarded_proto))
    client.tls = says_https(request, connection.tls);
  if (!request.kinds().has(FieldId::x_forwarded_for)) return client;
  std::optional<SocketAddress> found;
  Hops hops(request);
  std::string_view hop;
  for (std::size_t i = 0; i < kMaxForwardedHops && hops.previous(hop); ++i) {
    if (hop.empty()) continue;  // is no element (RFC 9110 section 5.6.1)
    const auto address = parse_hop(hop);
    if (!address) break;
    found = address;
    if (!connection.trusted->contains(address->ip_bytes())) break;
  }
  if (!found) return client;
  SocketAddress::IpText room{};
  client.ip = arena.copy(found->ip_into(room));
  client.address = found->ip_bytes();
  return client;
}

}  // namespace aralez
