#include "control/schema/main_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/ascii.h"
#include "config/file.h"
#include "config/map_reader.h"
#include "control/schema/blocks.h"
#include "control/schema/not_yet.h"
#include "control/schema/values.h"

namespace aralez {
namespace {

constexpr std::int64_t kMaxPeriod = 366LL * 24 * 3600;  ///< of whole-second keys: a year

void read_named(MapReader& map, std::string_view key, NamedFile& out) {
  map.text(key, out.path);
  out.source = map.at(key);
}
void read_named(MapReader& map, std::string_view key, NamedAccount& out) {
  map.text(key, out.name);
  out.source = map.at(key);
}

void read_required(MapReader& map) {
  map.require("upstreams_conf", "the path of upstreams.yaml");
  map.require("proxy_address_http", "IP:port, for example 0.0.0.0:8080");
  map.require("config_address", "IP:port, for example 127.0.0.1:3000");
  map.require("config_api_enabled", "true or false");
  map.require("hc_interval", "a number of seconds, for example 2");
  map.require("hc_method", "HEAD, GET or POST");
  map.require("log_level", "off, error, warn, info, debug or trace");
}

void read_addresses(MapReader& map, MainConfig& config) {
  std::optional<SocketAddress> http, config_api;
  read_address(map, "proxy_address_http", http);
  read_address(map, "proxy_address_tls", config.proxy_address_tls);
  read_address(map, "config_address", config_api);
  read_address(map, "config_tls_address", config.config_tls_address);
  read_address(map, "file_server_address", config.file_server_address);
  config.proxy_address_http = http.value_or(SocketAddress());
  config.config_address = config_api.value_or(SocketAddress());

  // SO_REUSEPORT would let two of them share one port, and hand API requests to clients at random.
  struct Named {
    std::string_view key;
    std::optional<SocketAddress> address;
  };
  const std::array all = {
      Named{"proxy_address_http", http}, Named{"proxy_address_tls", config.proxy_address_tls},
      Named{"config_address", config_api}, Named{"config_tls_address", config.config_tls_address},
      Named{"file_server_address", config.file_server_address}};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (all[i].address && all[j].address && all[i].address->port() != 0 &&
          *all[i].address == *all[j].address)
        map.diagnostics().error(
            map.at(all[i].key), all[i].key,
            fmt::format("the same address as {}; each needs its own port", all[j].key));
}

void read_log_level(MapReader& map, LogLevel& out) {
  constexpr std::array<std::string_view, 6> kNames = {"off",  "error", "warn",
                                                      "info", "debug", "trace"};
  std::string text;
  map.text("log_level", text);
  if (text.empty()) return;
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found != kNames.end()) {
    out = static_cast<LogLevel>(found - kNames.begin());
  } else {
    map.diagnostics().warning(
        map.at("log_level"), "log_level",
        fmt::format("{} is not a level, info is used; write off, error, warn, info, debug or trace",
                    shown(text)));
  }
}

void read_access_log(MapReader& map, AccessLogMode& out) {
  std::string text;
  map.text("access_log", text);
  if (text == "all" || text == "access")
    out = AccessLogMode::all;
  else if (text == "error")
    out = AccessLogMode::error;
  else if (!text.empty() && text != "off" && text != "none")
    map.diagnostics().warning(
        map.at("access_log"), "access_log",
        fmt::format("{} is not known, the access log stays off; write all, error or off",
                    shown(text)));
}

void read_tls_grade(MapReader& map, TlsGrade& out) {
  std::string text;
  map.text("proxy_tls_grade", text);
  if (text.empty()) return;
  const std::string word = lower(text);
  if (word == "high" || word == "a+" || word == "a")
    out = TlsGrade::high;
  else if (word == "medium" || word == "b" || word == "c")
    out = TlsGrade::medium;
  else if (word == "unsafe")
    out = TlsGrade::unsafe;
  else
    map.diagnostics().warning(
        map.at("proxy_tls_grade"), "proxy_tls_grade",
        fmt::format("{} is not a grade, medium is used; write high, medium or unsafe",
                    shown(text)));
}

void read_access_log_format(MapReader& map, AccessLogFormat& out) {
  std::string text;
  map.text("access_log_format", text);
  if (text == "json")
    out = AccessLogFormat::json;
  else if (!text.empty() && text != "text")
    map.diagnostics().error(map.at("access_log_format"), "access_log_format",
                            fmt::format("{} is not a format; write text or json", shown(text)));
}

void read_log_file(MapReader& map, const char* key, LogFileConfig& out) {
  std::string text;
  map.text(key, text);
  if (text.empty()) return;
  const auto wrong = [&map, key](std::string_view what) {
    map.diagnostics().error(map.at(key), key,
                            fmt::format("{}; write path[, megabytes[, files[, compress]]]", what));
  };
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    parts.push_back(trim_ows(rest.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  out.path = parts[0];
  out.source = map.at(key);
  if (parts[0].empty()) wrong("no path");
  if (parts.size() > 4) wrong("more than four parts");
  if (parts.size() > 1 && !parse_number(parts[1], 1, 1'000'000, out.max_megabytes))
    wrong("the size is not a number of megabytes, 1 at least");
  if (parts.size() > 2 && !parse_number(parts[2], 1, 10'000, out.max_files))
    wrong("the number of files is not a number, 1 at least");
  if (parts.size() > 3 && parts[3] != "compress") wrong("the fourth part is not the word compress");
  out.compress = parts.size() > 3 && parts[3] == "compress";
}

void read_logs(MapReader& map, MainConfig& config) {
  read_log_level(map, config.log_level);
  read_log_file(map, "log_file", config.log_file);
  read_access_log(map, config.access_log);
  read_access_log_format(map, config.access_log_format);
  read_log_file(map, "access_log_file", config.access_log_file);
  if (!config.access_log_file.path.empty() && config.access_log_file.path == config.log_file.path)
    map.diagnostics().error(map.at("access_log_file"), "access_log_file",
                            "is the file of log_file; leave it out to have both in one file");
  read_named(map, "error_log", config.error_log);
}

void read_tls(MapReader& map, MainConfig& config) {
  map.text("proxy_configs", config.proxy_configs);
  map.text("proxy_certificates", config.proxy_certificates);
  read_tls_grade(map, config.proxy_tls_grade);
  if (config.proxy_address_tls && config.certificate_folder().empty())
    map.diagnostics().error(
        map.at("proxy_address_tls"), "proxy_configs",
        "missing, but proxy_address_tls needs it; write the folder that holds certificates/");
  read_acme(map, config.acme);
}

void read_process(MapReader& map, MainConfig& config) {
  map.integer("threads", config.threads, {.min = 1, .max = 1024});
  map.boolean("daemon", config.daemon);
  read_named(map, "pid_file", config.pid_file);
  map.text("upgrade_sock", config.upgrade_sock);
  map.integer("upgrade_sock_connect_accept_max_retries",
              config.upgrade_sock_connect_accept_max_retries);
  read_named(map, "runuser", config.runuser);
  read_named(map, "rungroup", config.rungroup);
  map.text("user", config.user);
  map.text("group", config.group);
  map.whole_seconds("grace_period_seconds", config.grace_period, {.max = kMaxPeriod});
  map.whole_seconds("graceful_shutdown_timeout_seconds", config.graceful_shutdown_timeout,
                    {.max = kMaxPeriod});
  if (config.runuser.name.empty() != config.rungroup.name.empty()) {
    const std::string_view given = config.runuser.name.empty() ? "rungroup" : "runuser";
    map.diagnostics().warning(map.at(given), given,
                              "has no effect alone; give runuser and rungroup");
  }
}

void read_sockets(MapReader& map, MainConfig& config) {
  std::optional<std::uint32_t> idle;
  map.integer("tcp_keepalive_idle", idle, {.min = 1, .max = 32767});
  if (idle) config.tcp_keepalive_idle = std::chrono::seconds(*idle);
  map.whole_seconds("tcp_keepalive_interval", config.tcp_keepalive_interval,
                    {.min = 1, .max = 32767});
  map.integer("tcp_keepalive_count", config.tcp_keepalive_count, {.min = 1, .max = 127});
  read_source_addresses(map, "client_bind_to_ipv4", AF_INET, config.client_bind_to_ipv4);
  read_source_addresses(map, "client_bind_to_ipv6", AF_INET6, config.client_bind_to_ipv6);
  read_cidrs(map, "trusted_proxies", config.trusted_proxies);
  read_cidrs(map, "proxy_protocol", config.proxy_protocol);
  map.boolean("upstream_debug_ssl_keylog", config.upstream_debug_ssl_keylog);
}

/// The first time is asked for, so it counts; the longest cannot be less.
void read_fail_timeouts(MapReader& map, Limits& limits) {
  constexpr const char* kLongest = "upstream_max_fail_timeout";
  map.seconds("upstream_fail_timeout", limits.upstream_fail_timeout);
  map.seconds(kLongest, limits.upstream_max_fail_timeout);
  if (limits.upstream_max_fail_timeout >= limits.upstream_fail_timeout) return;
  limits.upstream_max_fail_timeout = limits.upstream_fail_timeout;
  if (map.get(kLongest) != nullptr)
    map.diagnostics().warning(map.at(kLongest), kLongest,
                              "less than upstream_fail_timeout, which is used for both; write a "
                              "longer time, or leave it out");
}

void read_limits(MapReader& map, Limits& limits) {
  map.integer("client_max_head_bytes", limits.client_max_head_bytes,
              {.min = 1024, .max = 1024 * 1024});
  map.integer("client_max_headers", limits.client_max_headers, {.min = 8, .max = 10'000});
  map.integer("client_max_connections", limits.client_max_connections);
  map.seconds("client_head_timeout", limits.client_head_timeout);
  map.seconds("client_handshake_timeout", limits.client_handshake_timeout);
  map.seconds("client_idle_timeout", limits.client_idle_timeout);
  map.integer("client_min_body_rate", limits.client_min_body_rate);
  map.integer("auth_failure_limit", limits.auth_failure_limit);
  map.seconds("upstream_connect_timeout", limits.upstream_connect_timeout);
  map.seconds("upstream_first_byte_timeout", limits.upstream_first_byte_timeout);
  map.seconds("upstream_idle_timeout", limits.upstream_idle_timeout);
  map.seconds("upstream_pool_timeout", limits.upstream_pool_timeout);
  map.seconds("tunnel_idle_timeout", limits.tunnel_idle_timeout);
  map.integer("upstream_keepalive_pool_size", limits.upstream_keepalive_pool_size);
  map.integer("max_retries", limits.max_retries);
  map.integer("upstream_max_fails", limits.upstream_max_fails, {.min = 0, .max = 255});
  read_fail_timeouts(map, limits);
  map.boolean("upstream_pacing", limits.upstream_pacing);
  if (limits.max_retries == 0) {
    map.diagnostics().warning(map.at("max_retries"), "max_retries",
                              "0 would forward nothing, 1 is used; write 1 or more");
    limits.max_retries = 1;
  }
}

/// Keys of the original with nothing behind them (not_yet.h says so); their types are still checked
/// where it checked them.
void read_ineffective(MapReader& map) {
  bool flag = false;
  std::int64_t number = 0;
  map.boolean("work_stealing", flag);
  map.integer("listener_tasks_per_fd", number);
  map.integer("upstream_connect_offload_threadpools", number);
  map.integer("upstream_connect_offload_thread_per_pool", number);
  map.integer("version", number);
  map.ignore({"proxy_port", "proxy_port_tls", "local_server", "working_directory",
              "max_blocking_threads", "blocking_threads_ttl_seconds", "daemon_wait_for_ready",
              "daemon_ready_timeout_seconds", "daemon_notify_timeout_seconds"});
}

void read_api_tls(MapReader& map, MainConfig& config) {
  const auto read = [&](const char* key, std::string_view example, NamedFile& out) {
    read_named(map, key, out);
    const bool has_address = map.get("config_tls_address") != nullptr;
    if (has_address && out.path.empty())
      map.diagnostics().error(
          out.source, key,
          fmt::format("missing, but config_tls_address needs it; write {}", example));
    else if (!has_address && !out.path.empty())
      map.diagnostics().warning(out.source, key, "has no effect without config_tls_address");
  };
  read("config_tls_certificate", "the path of a PEM file, the server's certificate first",
       config.config_tls_certificate);
  read("config_tls_key_file", "the path of its private key, PEM", config.config_tls_key_file);
}

void read_api(MapReader& map, MainConfig& config) {
  map.boolean("config_api_enabled", config.config_api_enabled);
  read_api_tls(map, config);
  const Node* node = map.get("config_host_names");
  if (node == nullptr) return;
  for (const TextItem& item : decode_list({*node, "config_host_names"}, map.diagnostics())) {
    const std::string name = lower(item.text);
    if (is_dns_name(name))
      config.config_host_names.push_back(name);
    else
      map.diagnostics().error(
          item.source, item.key,
          fmt::format("{} is no host name; write a name without scheme and port",
                      shown(item.text)));
  }
}

void read_file_server(MapReader& map, MainConfig& config) {
  map.text("file_server_folder", config.file_server_folder);
  if (config.file_server_address.has_value() == !config.file_server_folder.empty()) {
    std::error_code ignored;
    if (config.file_server_address &&
        !std::filesystem::is_directory(config.file_server_folder, ignored))
      map.diagnostics().warning(
          map.at("file_server_folder"), "file_server_folder",
          fmt::format("there is no folder {}; until there is, every request is answered 404",
                      shown(config.file_server_folder)));
    return;
  }
  const std::string_view given =
      config.file_server_address ? "file_server_address" : "file_server_folder";
  map.diagnostics().warning(map.at(given), given,
                            "has no effect alone; give file_server_address and file_server_folder");
}

void read_main(MapReader& map, MainConfig& config) {
  read_ca_file(map, config.ca_file);
  read_required(map);
  map.text("upstreams_conf", config.upstreams_conf);
  if (const Node* node = map.get("upstreams_conf");
      node != nullptr && node->is_scalar() && node->text().empty())
    map.diagnostics().error(node->source(), "upstreams_conf",
                            "empty; write the path of upstreams.yaml");
  read_addresses(map, config);
  read_api(map, config);
  read_file_server(map, config);
  read_tls(map, config);
  std::optional<HealthMethod> hc_method;
  read_health_method(map, "hc_method", hc_method);
  config.hc_method = hc_method.value_or(HealthMethod::head);
  map.whole_seconds("hc_interval", config.hc_interval, {.min = 1, .max = 65535});
  read_logs(map, config);
  map.text("master_key", config.master_key, Secret::yes);
  map.integer("cache_size_mb", config.cache_size_mb, {.max = 1 << 20});
  map.whole_seconds("cache_ttl", config.cache_ttl, {.max = kMaxPeriod});
  read_process(map, config);
  read_sockets(map, config);
  read_limits(map, config.limits);
  read_ineffective(map);
  warn_not_yet(map.node(), ConfigBlock::main, map.diagnostics());
  map.finish();
}

}  // namespace

std::string MainConfig::certificate_folder() const {
  if (!proxy_certificates.empty()) return proxy_certificates;
  if (proxy_configs.empty()) return {};
  return proxy_configs + (proxy_configs.ends_with('/') ? "" : "/") + "certificates";
}

std::string MainConfig::state_folder() const {
  if (!proxy_configs.empty()) return proxy_configs;
  return std::filesystem::path(upstreams_conf).parent_path().string();
}

std::optional<MainConfig> parse_main(std::string_view text, std::string file,
                                     Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.errors();
  const auto document = parse_yaml(text, std::move(file), diagnostics);
  if (document == nullptr) return std::nullopt;
  const Node& root = document->root();
  if (!root.is_mapping()) {
    diagnostics.error(root.source(), "",
                      root.is_null() ? "the file is empty; write one `key: value` per line"
                                     : "this is not a mapping; write one `key: value` per line");
    return std::nullopt;
  }
  MainConfig config;
  MapReader map(root, diagnostics);
  read_main(map, config);
  if (diagnostics.errors() != errors) return std::nullopt;
  return config;
}

std::optional<MainConfig> load_main(const std::string& path, Diagnostics& diagnostics) {
  const FileText file = read_text_file(path, YamlLimits{}.max_bytes);
  if (file.status != FileText::Status::ok) {
    diagnostics.error({std::make_shared<const std::string>(path)}, "",
                      fmt::format("cannot be read: {}", file.reason));
    return std::nullopt;
  }
  return parse_main(file.text, path, diagnostics);
}

NamedFiles files_named_in(const std::string& path) {
  const FileText file = read_text_file(path, YamlLimits{}.max_bytes);
  Diagnostics unheard;  // load_main() has reported them
  const auto document = parse_yaml(file.text, path, unheard);
  if (document == nullptr || !document->root().is_mapping()) return {};
  MainConfig config;
  MapReader map(document->root(), unheard);
  map.text("upstreams_conf", config.upstreams_conf);
  map.text("proxy_configs", config.proxy_configs);
  map.text("proxy_certificates", config.proxy_certificates);
  return {config.upstreams_conf, config.certificate_folder()};
}

}  // namespace aralez
