#include "http/uri.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

constexpr std::uint8_t kInHost = 1;
constexpr std::uint8_t kUpper = 2;
constexpr auto kHostKinds = [] {
  constexpr auto kAllowed =
      ascii_detail::make_table("-._~!$&'()*+;=");  // reg-name without "%" and ","
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c)
    if (kAllowed[c]) kinds[c] = c >= 'A' && c <= 'Z' ? kInHost | kUpper : kInHost;
  return kinds;
}();
/// Bytes of a path that mean the same with and without percent-encoding (pchar of RFC 3986).
constexpr auto kInPath = ascii_detail::make_table("-._~!$&'()*+,;=:@");

/// A path byte that has to be looked at: everything but the slash and kInPath.
constexpr auto kNeedsWork = [] {
  auto table = ascii_detail::make_table("-._~!$&'()*+,;=:@/");
  for (bool& is : table) is = !is;
  return table;
}();

bool all_digits(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Where the path of `target` ends if it needs no work, which is the common case; else npos.
std::size_t plain_path_end(std::string_view target) {
  char before = 'x';
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (kNeedsWork[static_cast<unsigned char>(c)]) return c == '?' ? i : std::string_view::npos;
    if (before == '/' && (c == '/' || c == '.')) return std::string_view::npos;
    before = c;
  }
  return target.size();
}

class PathWriter {
 public:
  explicit PathWriter(std::span<std::byte> room) : out_(reinterpret_cast<char*>(room.data())) {}
  void put(char c) { out_[n_++] = c; }
  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] char last() const { return n_ == 0 ? '\0' : out_[n_ - 1]; }
  void cut(std::size_t n) { n_ = n; }
  [[nodiscard]] std::string_view text() const { return {out_, n_}; }

 private:
  char* out_;
  std::size_t n_ = 0;
};

/// RFC 3986 section 5.2.4 on a path that starts with a slash; never climbs above the root.
std::string_view remove_dots(std::string_view path, Arena& arena) {
  PathWriter out(arena.allocate(path.size() + 1));
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t end = std::min(path.find('/', i + 1), path.size());
    const auto segment = path.substr(i + 1, end - i - 1);
    const bool dots = segment == "." || segment == "..";
    if (segment == "..") out.cut(std::min(out.text().rfind('/'), out.size()));
    if (!dots) {
      out.put('/');
      for (const char c : segment) out.put(c);
    } else if (end == path.size()) {
      out.put('/');  // what a dot segment at the end names is a folder
    }
    i = end;
  }
  if (out.size() == 0) out.put('/');
  return out.text();
}

/// Runs of slashes count as one. After the dots are gone, so that both readings pop the same
/// segments.
std::string_view collapse_slashes(std::string_view path, Arena& arena) {
  PathWriter out(arena.allocate(path.size()));
  for (const char c : path)
    if (c != '/' || out.last() != '/') out.put(c);
  return out.text();
}

std::string_view clean(std::string_view path, Arena& arena) {
  return collapse_slashes(remove_dots(path, arena), arena);
}

enum class Reading : bool { kept, decoded };

void put_encoded(PathWriter& out, char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out.put('%');
  out.put(kHex[static_cast<unsigned char>(byte) >> 4]);
  out.put(kHex[static_cast<unsigned char>(byte) & 15]);
}

/// One spelling of each path: decoded is what a path may hold as it is, encoded is the rest, in
/// upper case. With Reading::decoded the separators are slashes, in whatever spelling.
std::string_view decode(std::string_view path, Reading reading, Arena& arena) {
  const auto grows = [](char c) { return kNeedsWork[static_cast<unsigned char>(c)] && c != '%'; };
  const auto more = 2 * std::count_if(path.begin(), path.end(), grows);
  PathWriter out(arena.allocate(path.size() + static_cast<std::size_t>(more)));
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    const bool encoded = c == '%';
    if (encoded) {
      c = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
      i += 2;
    }
    const bool separator = c == '/' || c == '\\';
    if (separator && reading == Reading::decoded)
      out.put('/');
    else if (kInPath[static_cast<unsigned char>(c)] || (c == '/' && !encoded))
      out.put(c);
    else
      put_encoded(out, c);
  }
  return out.text();
}

/// Dot segments in any spelling: "/%2e%2E/" counts.
bool has_dot_segment(std::string_view path) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] != '/') continue;
    auto rest = path.substr(i + 1);
    int dots = 0;
    while (!rest.empty() && dots < 3) {
      if (rest.front() == '.')
        rest.remove_prefix(1);
      else if (rest.size() >= 3 && rest[0] == '%' && rest[1] == '2' && (rest[2] | 0x20) == 'e')
        rest.remove_prefix(3);
      else
        break;
      ++dots;
    }
    if ((dots == 1 || dots == 2) && (rest.empty() || rest.front() == '/')) return true;
  }
  return false;
}

/// Writes encoded dots plain, so that remove_dots sees every dot segment; touches nothing else.
std::string_view decode_dots(std::string_view path, Arena& arena) {
  PathWriter out(arena.allocate(path.size()));
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && path[i + 1] == '2' && (path[i + 2] | 0x20) == 'e') {
      out.put('.');
      i += 2;
    } else {
      out.put(path[i]);
    }
  }
  return out.text();
}

enum class Encoding : std::uint8_t { plain, separators, broken };

Encoding check_encoding(std::string_view path) {
  Encoding found = Encoding::plain;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') found = Encoding::separators;
    if (path[i] != '%') continue;
    if (i + 2 >= path.size()) return Encoding::broken;
    const int high = hex_value(path[i + 1]);
    const int low = hex_value(path[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return Encoding::broken;
    const int byte = high * 16 + low;
    if (byte == '/' || byte == '\\') found = Encoding::separators;
    i += 2;
  }
  return found;
}

/// The one spelling of an IPv6 host (RFC 5952), in brackets.
std::string_view ip_host(const SocketAddress& address, Arena& arena) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* const raw = reinterpret_cast<const sockaddr_in6*>(address.raw());
  ::inet_ntop(AF_INET6, &raw->sin6_addr, text.data(), text.size());
  return arena.join({"[", text.data(), "]"});
}

Result<Authority> parse_ip_literal(std::string_view text, Arena& arena) {
  const auto close = text.find(']');
  if (close == std::string_view::npos)
    return fail(Errc::protocol, Origin::downstream, "unclosed IPv6 host");
  // Brackets are for IPv6 alone.
  const auto address = SocketAddress::from_ip(text.substr(0, close + 1), 0);
  if (!address || address->family() != AF_INET6)
    return fail(Errc::protocol, Origin::downstream, "bad IPv6 host");
  const auto rest = text.substr(close + 1);
  if (!rest.empty() && (rest.front() != ':' || !all_digits(rest.substr(1)) || rest.size() > 6))
    return fail(Errc::protocol, Origin::downstream, "bad port in host");
  return Authority{ip_host(*address, arena), rest.empty() ? rest : rest.substr(1)};
}

}  // namespace

Result<Authority> parse_authority(std::string_view text, Arena& arena) {
  if (text.starts_with('[')) return parse_ip_literal(text, arena);
  std::uint8_t seen = kInHost;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const std::uint8_t kind = kHostKinds[static_cast<unsigned char>(text[end])];
    if (kind == 0) break;
    seen |= kind;
  }
  const bool upper = (seen & kUpper) != 0;
  std::string_view host = text.substr(0, end);
  std::string_view port;
  if (end < text.size()) {
    if (text[end] != ':')
      return fail(Errc::protocol, Origin::downstream, "character not allowed in a host");
    port = text.substr(end + 1);
    if (!all_digits(port) || port.size() > 5)
      return fail(Errc::protocol, Origin::downstream, "bad port in host");
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > 255) return fail(Errc::protocol, Origin::downstream, "host too long");
  if (upper) {
    const auto low = arena.allocate(host.size());
    std::transform(host.begin(), host.end(), low.begin(),
                   [](char c) { return static_cast<std::byte>(to_lower(c)); });
    host = as_text(low);
  }
  return Authority{host, port};
}

Result<TargetPath> normalise_target(std::string_view target, Arena& arena) {
  if (const auto end = plain_path_end(target); end != std::string_view::npos)
    return TargetPath{target.substr(0, end), {}, target, target.substr(end)};
  const auto mark = target.find('?');
  const auto path = target.substr(0, mark);
  const auto query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark);
  const Encoding encoding = check_encoding(path);
  if (encoding == Encoding::broken)
    return fail(Errc::protocol, Origin::downstream, "percent-encoding broken, or a zero byte");
  TargetPath out;
  out.query = query;
  out.match = clean(decode(path, Reading::kept, arena), arena);
  if (encoding == Encoding::separators)
    out.alternate = clean(decode(path, Reading::decoded, arena), arena);
  if (has_dot_segment(path)) {
    out.forward = arena.join({remove_dots(decode_dots(path, arena), arena), query});
  } else {
    out.forward = target;
  }
  return out;
}

}  // namespace aralez
