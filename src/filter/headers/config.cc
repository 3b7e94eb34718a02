#include "filter/headers/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/block.h"
#include "config/decode.h"
#include "http/uri.h"

namespace aralez {
namespace {

enum class Use : std::uint8_t { normal, no_effect, forbidden };

Use use_of(std::string_view name) {
  static constexpr std::string_view kFraming[] = {"content-length", "transfer-encoding"};
  static constexpr std::string_view kHopByHop[] = {"connection", "keep-alive", "proxy-connection",
                                                   "te",         "trailer",    "upgrade"};
  const auto is = [name](std::string_view other) { return iequals(name, other); };
  if (std::any_of(std::begin(kFraming), std::end(kFraming), is)) return Use::forbidden;
  if (std::any_of(std::begin(kHopByHop), std::end(kHopByHop), is)) return Use::no_effect;
  return Use::normal;
}

bool is_host(std::string_view value) {
  BlockPool pool(1);
  Arena arena(pool);
  const auto authority = parse_authority(value, arena);
  return authority && !authority->host.empty();
}

/// Values may be secrets (`Authorization: Bearer ...`), so messages never quote an entry.
void parse_entry(const TextItem& item, Diagnostics& diagnostics, std::vector<HeaderRule>& out) {
  const auto colon = item.text.find(':');
  if (colon == std::string::npos) {
    diagnostics.error(item.source, item.key, "no colon in this entry; write \"Name: value\"");
    return;
  }
  const std::string_view name = trim_ows(std::string_view(item.text).substr(0, colon));
  const std::string_view value = trim_ows(std::string_view(item.text).substr(colon + 1));
  if (!is_token(name)) {
    diagnostics.error(
        item.source, item.key,
        name.empty()
            ? "no name before the colon; write \"Name: value\""
            : "the name before the colon holds a character that names may not have; use letters, "
              "digits and -");
    return;
  }
  const Use use = use_of(name);
  if (use == Use::forbidden) {
    diagnostics.error(item.source, item.key,
                      fmt::format("{} is set by the proxy alone; remove this entry", name));
    return;
  }
  if (use == Use::no_effect) {
    diagnostics.warning(
        item.source, item.key,
        fmt::format("{} belongs to one connection and is not passed on; this entry has no effect",
                    name));
    return;
  }
  if (iequals(name, "host") && !is_host(value)) {
    diagnostics.error(item.source, item.key,
                      "the value of Host is no host; write \"Host: name\" or \"Host: name:port\"");
    return;
  }
  out.push_back({std::string(name), std::string(value)});
}

}  // namespace

void parse_header_list(const Node& node, std::string_view key, Diagnostics& diagnostics,
                       std::vector<HeaderRule>& out) {
  for (const TextItem& item : decode_list({node, key}, diagnostics, Secret::yes))
    parse_entry(item, diagnostics, out);
}

}  // namespace aralez
