#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "control/schema/blocks.h"
#include "control/schema/values.h"
#include "http/uri.h"

namespace aralez {
namespace {

using Kind = HealthCheckConfig::Kind;
using Range = HealthCheckConfig::StatusRange;

constexpr std::string_view kExample = "{path: /health, interval: 5}";
constexpr std::string_view kStatuses = "a status such as 200, or a range such as 200-399";
constexpr std::size_t kMaxService = 127;  // its length is one byte of the request
constexpr SecondsRule kTimes{.min = std::chrono::milliseconds(100), .max = std::chrono::hours(24)};

bool parse_range(std::string_view text, Range& out) {
  const auto dash = text.find('-');
  const std::string_view first = trim_ows(text.substr(0, dash));
  const std::string_view last =
      dash == std::string_view::npos ? first : trim_ows(text.substr(dash + 1));
  return parse_number<std::uint16_t>(first, 100, 599, out.first) &&
         parse_number<std::uint16_t>(last, 100, 599, out.last) && out.first <= out.last;
}

void read_range(const Node& node, const Source& at, HealthCheckConfig& out,
                Diagnostics& diagnostics) {
  Range range;
  if (!node.is_scalar())
    diagnostics.error(at, "expect",
                      fmt::format("this is {}; write {}", to_string(node.kind()), kStatuses));
  else if (!parse_range(node.text(), range))
    diagnostics.error(
        at, "expect",
        fmt::format("{} is no status from 100 to 599; write {}", shown(node.text()), kStatuses));
  else
    out.expect.push_back(range);
}

void read_expect(MapReader& map, HealthCheckConfig& out) {
  const Node* const node = map.get("expect");
  if (node == nullptr) return;
  if (!node->is_sequence()) return read_range(*node, node->source(), out, map.diagnostics());
  for (const Node* item : node->items()) read_range(*item, item->source(), out, map.diagnostics());
  if (node->items().empty())
    map.diagnostics().error(map.at("expect"), "expect",
                            fmt::format("empty, so nothing would do; write {}", kStatuses));
}

void read_check_path(MapReader& map, std::string& out) {
  map.text("path", out);
  if (out.empty()) return;
  if (!out.starts_with('/'))
    map.diagnostics().error(map.at("path"), "path",
                            fmt::format("{} is no path; write /{}", shown(out),
                                        out.find("://") == std::string::npos ? out : "health"));
  else if (out.find_first_of(" #") != std::string::npos)
    map.diagnostics().error(map.at("path"), "path",
                            "holds a blank or #; write it percent-encoded, %20 or %23");
}

void read_check_host(MapReader& map, std::string& out) {
  map.text("host", out);
  if (out.empty()) return;
  BlockPool pool(1);
  Arena arena(pool);
  if (!parse_authority(out, arena))
    map.diagnostics().error(map.at("host"), "host",
                            fmt::format("{} is no host; write a name, or name:port", shown(out)));
}

/// `grpc: true`, or the name of a service.
void read_grpc(MapReader& map, HealthCheckConfig& out) {
  const Node* const node = map.get("grpc");
  if (node == nullptr) return;
  if (node->is_scalar() && node->style() == Node::Style::plain &&
      (lower(node->text()) == "true" || lower(node->text()) == "false")) {
    if (lower(node->text()) == "true") out.kind = Kind::grpc;
    return;
  }
  out.kind = Kind::grpc;
  map.text("grpc", out.service);
  const bool good = out.service.size() <= kMaxService &&
                    std::ranges::all_of(out.service, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!good)
    map.diagnostics().error(
        map.at("grpc"), "grpc",
        fmt::format("no name of a service; write true, or one such as shop.Cart of at most {} "
                    "characters",
                    kMaxService));
}

/// Keys that ask for a request of a certain kind, and exclude gRPC's own.
void settle_kind(MapReader& map, HealthCheckConfig& out) {
  for (const std::string_view key : {"path", "method", "expect"}) {
    if (map.get(key) == nullptr) continue;
    if (out.kind == Kind::grpc)
      map.diagnostics().error(
          map.at(key), key,
          fmt::format("a check by gRPC has no {}; remove it, or remove grpc", key));
    else
      out.kind = Kind::http;
  }
}

}  // namespace

void read_health_method(MapReader& map, std::string_view key, std::optional<HealthMethod>& out) {
  std::string text;
  map.text(key, text);
  if (text.empty()) return;
  const std::string word = lower(text);
  if (word == "head")
    out = HealthMethod::head;
  else if (word == "get")
    out = HealthMethod::get;
  else if (word == "post")
    out = HealthMethod::post;
  else
    map.diagnostics().error(
        map.at(key), key, fmt::format("{} is not a method; write HEAD, GET or POST", shown(text)));
}

HealthCheckConfig read_healthcheck(const Node& node, Diagnostics& diagnostics) {
  HealthCheckConfig out;
  if (node.is_scalar()) {
    if (const auto on = decode_bool({node, "healthcheck"}, diagnostics); on && !*on)
      out.kind = Kind::off;
    return out;
  }
  if (!node.is_mapping()) {
    diagnostics.error(node.source(), "healthcheck",
                      fmt::format("this is {}; write true, false, or a mapping such as {}",
                                  to_string(node.kind()), kExample));
    return out;
  }
  MapReader map(node, diagnostics);
  read_check_path(map, out.path);
  read_health_method(map, "method", out.method);
  read_check_host(map, out.host);
  map.seconds("interval", out.interval, kTimes);
  map.seconds("timeout", out.timeout, kTimes);
  map.integer("rise", out.rise, {.min = 1, .max = 100});
  map.integer("fall", out.fall, {.min = 1, .max = 100});
  read_expect(map, out);
  read_grpc(map, out);
  settle_kind(map, out);
  map.finish();
  return out;
}

}  // namespace aralez
