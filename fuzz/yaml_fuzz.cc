// main.yaml and upstreams.yaml: every input is read as both.
// fuzz-link: control/schema
#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "check.h"
#include "control/schema/main_config.h"
#include "control/schema/upstreams_config.h"
#include "control/schema/values.h"

namespace aralez::fuzz {
namespace {

/// Everything there is to say about one reading.
struct Outcome {
  bool accepted = false;
  std::size_t errors = 0;
  std::size_t warnings = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void check_message(const Diagnostic& d, std::size_t lines) {
  require(d.at.file != nullptr && *d.at.file == "f.yaml", "a message names its file");
  // A file without a value has no place to point at.
  const bool empty = d.message.starts_with("the file is empty");
  require(empty || (d.at.line >= 1 && d.at.line <= lines + 1), "a message names its line");
  require(empty || d.at.column >= 1, "a message names its column");
  require(!d.message.empty(), "a message says something");
  const auto text = d.render();
  require(std::none_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
          "a message is one line of text");
}

Outcome outcome(bool accepted, const Diagnostics& diagnostics, std::string_view text) {
  require(accepted != diagnostics.has_errors(), "what is refused has an error, and only that");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const Diagnostic& d : diagnostics.sorted()) check_message(d, lines);
  return {accepted, diagnostics.errors(), diagnostics.warnings()};
}

void check_main(const MainConfig& config) {
  require(config.threads >= 1 && config.hc_interval.count() >= 1, "main.yaml: bounds hold");
  require(config.limits.max_retries >= 1, "main.yaml: one attempt at least");
  require(config.tcp_keepalive_interval.count() >= 1, "main.yaml: no zero interval");
  for (const SocketAddress& a : config.client_bind_to_ipv4)
    require(a.family() == AF_INET, "main.yaml: IPv4 where IPv4 is asked for");
}

void check_server(const ServerConfig& server) {
  require(server.port >= 1 && !server.host.empty(), "a server has host and port");
  const bool v6 = server.host.find(':') != std::string::npos;
  const auto again = parse_server((v6 ? "[" + server.host + "]" : server.host) + ":" +
                                  std::to_string(server.port));
  require(again.value && again.value->host == server.host && again.value->port == server.port,
          "a server in its normal form is the same server");
}

void check_headers(const std::vector<HeaderRule>& rules) {
  for (const HeaderRule& rule : rules)
    require(is_token(rule.name) && rule.value.find_first_of("\r\n") == std::string::npos,
            "no configured header splits a head");
}

void check_upstreams(const UpstreamsConfig& config) {
  check_headers(config.client_headers);
  check_headers(config.server_headers);
  std::set<std::string> hosts;
  for (const HostConfig& host : config.hosts) {
    require(hosts.insert(host.host).second, "no host twice");
    require(normalise_host_key(host.host).key == host.host, "a normal host stays as it is");
    std::set<std::string> paths;
    for (const PathConfig& path : host.paths) {
      require(path.path.starts_with('/') && paths.insert(path.path).second, "no path twice");
      require(normalise_path_key(path.path).key == path.path, "a normal path stays as it is");
      check_headers(path.client_headers);
      check_headers(path.server_headers);
      for (const ServerConfig& server : path.servers) check_server(server);
    }
  }
}

Outcome read_main(std::string_view text) {
  Diagnostics diagnostics;
  const auto config = parse_main(text, "f.yaml", diagnostics);
  if (config) check_main(*config);
  return outcome(config.has_value(), diagnostics, text);
}

Outcome read_upstreams(std::string_view text) {
  Diagnostics diagnostics;
  const auto config = parse_upstreams(text, "f.yaml", diagnostics);
  if (config) check_upstreams(*config);
  return outcome(config.has_value(), diagnostics, text);
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

void one_input(std::string_view text) {
  const auto copy = exact(text);
  for (const auto read : {read_main, read_upstreams}) {
    const Outcome first = read(view(copy));
    require(read(view(copy)) == first, "the same bytes read the same");
    if (text.find('\r') == std::string_view::npos)
      require(read(with_crlf(text)) == first, "line ends of Windows change nothing");
    if (first.accepted)
      require(read(std::string(text) + "\n--- [not: read").accepted, "one document is read");
  }
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aralez::fuzz::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
