#include "control/top/figures.h"

#include <nlohmann/json.hpp>

namespace aralez::top {
namespace {

using nlohmann::json;

const json kNothing;

const json& at(const json& object, const char* name) {
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}
template <class... More>
const json& at(const json& object, const char* name, const char* next, More... more) {
  return at(at(object, name), next, more...);
}
double number(const json& j) {
  return j.is_number() ? j.get<double>() : 0;
}
std::string text(const json& j) {
  return j.is_string() ? j.get<std::string>() : std::string();
}
std::vector<double> numbers(const json& list) {
  std::vector<double> out;
  if (list.is_array())
    for (const json& j : list) out.push_back(number(j));
  return out;
}

Endpoint endpoint_of(const json& j) {
  return {.address = text(at(j, "address")),
          .health = text(at(j, "health")),
          .protocol = text(at(j, "protocol")),
          .last_error = text(at(j, "last_error")),
          .requests = number(at(j, "requests")),
          .failures = number(at(j, "failures")),
          .connects = number(at(j, "connects")),
          .connect_seconds = number(at(j, "connect_seconds"))};
}

void read_routes(const json& hosts, std::vector<Route>& out) {
  if (!hosts.is_array()) return;
  for (const json& host : hosts) {
    for (const json& j : at(host, "routes")) {
      Route route{.name = text(at(host, "host")) + text(at(j, "path")),
                  .requests = number(at(j, "requests")),
                  .errors = number(at(j, "errors")),
                  .latency_seconds = number(at(j, "latency_seconds"))};
      for (const json& e : at(j, "endpoints")) route.endpoints.push_back(endpoint_of(e));
      out.push_back(std::move(route));
    }
  }
}

}  // namespace

std::optional<Figures> read_figures(std::string_view text_of_json) {
  const json j = json::parse(text_of_json, nullptr, /*allow_exceptions=*/false);
  if (!at(j, "requests").is_object()) return std::nullopt;
  Figures f;
  f.version = text(at(j, "version"));
  f.pid = static_cast<std::int64_t>(number(at(j, "pid")));
  f.time = number(at(j, "time"));
  f.uptime = number(at(j, "uptime_seconds"));
  f.workers = number(at(j, "workers"));
  f.generation = static_cast<std::int64_t>(number(at(j, "configuration", "generation")));
  f.origin = text(at(j, "configuration", "origin"));
  f.age = number(at(j, "configuration", "age_seconds"));
  f.last_result = text(at(j, "configuration", "last_reload", "result"));
  f.requests = number(at(j, "requests", "total"));
  f.active = number(at(j, "requests", "active"));
  f.errors = number(at(j, "requests", "errors"));
  f.retries = number(at(j, "requests", "retries"));
  f.latency_bounds = numbers(at(j, "requests", "latency", "bounds_seconds"));
  f.latency_counts = numbers(at(j, "requests", "latency", "counts"));
  f.latency_seconds = number(at(j, "requests", "latency", "sum_seconds"));
  f.clients = number(at(j, "connections", "clients", "open"));
  f.upstreams = number(at(j, "connections", "upstreams", "open"));
  f.tunnels = number(at(j, "connections", "tunnels", "open"));
  f.handshakes = number(at(j, "tls", "handshakes"));
  read_routes(at(j, "hosts"), f.routes);
  if (const json& reasons = at(j, "local_replies"); reasons.is_object())
    for (const auto& [name, n] : reasons.items()) f.reasons[name] = number(n);
  return f;
}

}  // namespace aralez::top
