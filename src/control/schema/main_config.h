#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "config/diagnostics.h"
#include "control/schema/acme_config.h"
#include "control/schema/health_config.h"
#include "io/cidr.h"
#include "observe/access_log/access_log.h"
#include "tls/tls_grade.h"

namespace aralez {

/// `log_file` and `access_log_file`: `path[, megabytes[, files[, compress]]]` (behaviour
/// section 15.1).
struct LogFileConfig {
  std::string path;  ///< empty: standard output
  Source source;
  std::uint64_t max_megabytes = 100;
  std::uint32_t max_files = 5;
  bool compress = false;
};

/// A file, and where it is named: what is wrong with it is found later.
struct NamedFile {
  std::string path;
  Source source;
};

/// A user or a group, by name or number.
struct NamedAccount {
  std::string name;
  Source source;
};

/// main.yaml, read once at start (behaviour sections 1.3, 1.4 and 21). The defaults are here and in
/// base/limits.h. Relative paths are relative to the working directory.
struct MainConfig {
  // Listeners and files.
  std::string upstreams_conf;
  SocketAddress proxy_address_http;
  std::optional<SocketAddress> proxy_address_tls;
  SocketAddress config_address;
  /// The API with TLS, beside config_address.
  std::optional<SocketAddress> config_tls_address;
  NamedFile config_tls_certificate;  ///< both are there when the address is
  NamedFile config_tls_key_file;
  bool config_api_enabled = false;
  /// Lower case: what the API may be called by without the key, beside addresses and localhost.
  std::vector<std::string> config_host_names;
  std::optional<SocketAddress> file_server_address;
  std::string file_server_folder;  ///< the file server runs when both are set
  std::string
      proxy_configs;  ///< base folder of certificates/ and autoconfigs/; empty when not given
  std::string proxy_certificates;  ///< old key: certificate folder itself; see certificate_folder()
  TlsGrade proxy_tls_grade = TlsGrade::medium;
  AcmeConfig acme;

  // Health checks.
  HealthMethod hc_method = HealthMethod::head;
  std::chrono::seconds hc_interval{2};  ///< at least 1; required in the file

  // Logs.
  LogLevel log_level = LogLevel::info;
  LogFileConfig log_file;
  AccessLogMode access_log = AccessLogMode::off;
  AccessLogFormat access_log_format = AccessLogFormat::text;
  LogFileConfig access_log_file;  ///< empty path: where the server log goes
  NamedFile error_log;            ///< standard error of a daemon

  // Secrets: never in a log.
  std::string master_key;  ///< JWT_KEY in the environment overrides it; that is the caller's job
  std::string jwt_key;     ///< JWT_KEY itself, from the caller; empty: none

  // Response cache.
  std::uint64_t cache_size_mb = 0;  ///< 0: off
  std::chrono::seconds cache_ttl{60};

  // Process.
  std::uint32_t threads = 1;  ///< at least 1
  bool daemon = false;
  NamedFile pid_file{.path = "/tmp/aralez.pid", .source = {}};
  std::string upgrade_sock = "/tmp/pingora_upgrade.sock";
  std::uint32_t upgrade_sock_connect_accept_max_retries = 5;
  NamedAccount runuser;  ///< both or none: privilege drop after binding
  NamedAccount rungroup;
  std::string user;  ///< both: of a daemon
  std::string group;
  std::chrono::seconds grace_period{300};
  std::chrono::seconds graceful_shutdown_timeout{5};

  // Sockets.
  std::optional<std::chrono::seconds> tcp_keepalive_idle;  ///< none: kernel keep-alive off
  std::chrono::seconds tcp_keepalive_interval{10};
  std::uint32_t tcp_keepalive_count = 5;
  std::vector<SocketAddress>
      client_bind_to_ipv4;  ///< source addresses for upstream connections, port 0
  std::vector<SocketAddress> client_bind_to_ipv6;
  bool upstream_debug_ssl_keylog = false;

  // Who the client is (section 21).
  std::vector<Cidr> trusted_proxies;
  std::vector<Cidr> proxy_protocol;

  /// CA certificates that servers are verified with where upstreams.yaml names none; empty: the
  /// system's.
  std::string ca_file;

  Limits limits;  ///< including upstream_keepalive_pool_size and max_retries

  /// Of what listeners serve; empty: there is none.
  [[nodiscard]] std::string certificate_folder() const;
  /// Where the program keeps what it makes itself: `proxy_configs`, else beside upstreams.yaml.
  [[nodiscard]] std::string state_folder() const;
};

/// Reads and checks the file. All mistakes go to `diagnostics`; nullopt if any of them is an error.
[[nodiscard]] std::optional<MainConfig> load_main(const std::string& path,
                                                  Diagnostics& diagnostics);
/// The same from text; `file` is the name for messages.
[[nodiscard]] std::optional<MainConfig> parse_main(std::string_view text, std::string file,
                                                   Diagnostics& diagnostics);

/// The other files that a main.yaml with mistakes names, as far as they can be found; else empty.
struct NamedFiles {
  std::string upstreams_conf;
  std::string certificate_folder;
};
[[nodiscard]] NamedFiles files_named_in(const std::string& path);

}  // namespace aralez
