#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "control/schema/health_config.h"
#include "filter/auth/config.h"
#include "filter/headers/config.h"

namespace aralez {

/// One entry of `servers`: `host:port`, `[v6]:port` or `v6:port`, with or without a scheme.
struct ServerConfig {
  enum class Scheme : std::uint8_t { detect, http, https, h2c };

  Scheme scheme = Scheme::detect;  ///< detect: none was written
  std::string host;                ///< lower case; numeric address without brackets, or a name
  std::uint16_t port = 0;          ///< at least 1
  Source source;
};

/// A path block: one route.
struct PathConfig {
  using Millis = std::chrono::milliseconds;

  std::string path;                   ///< normal form of http/uri.h (TargetPath::match)
  Source source;                      ///< of the path key
  std::vector<ServerConfig> servers;  ///< empty: redirect only, or a route that answers 502
  bool to_https = false;
  std::string redirect_to;  ///< empty: none
  std::optional<AuthConfig> authorization;
  std::vector<HeaderRule> client_headers;
  std::vector<HeaderRule> server_headers;
  std::optional<std::int64_t> rate_limit;  ///< requests per second; 0 or less refuses all
  std::optional<std::uint32_t> x4xx_limit;
  HealthCheckConfig healthcheck;
  std::optional<bool> verify_upstream;  ///< none: as the top level says
  std::string ca_file;                  ///< empty: that of the top level
  std::optional<Millis> connect_timeout;
  std::optional<Millis> first_byte_timeout;
  std::optional<Millis> idle_timeout;
};

struct HostConfig {
  std::string host;  ///< lower case, no port, no trailing dot, IPv6 in brackets; or DEFAULT
  Source source;     ///< of the host key
  std::optional<std::int64_t> rate_limit;
  std::optional<std::uint32_t> x4xx_limit;
  std::vector<PathConfig> paths;  ///< no path twice
};

/// One `services` entry of Consul or Kubernetes (behaviour section 2.6).
struct ServiceConfig {
  std::string hostname;  ///< as HostConfig::host
  std::string upstream;  ///< name in the registry
  std::string port;      ///< its name or number there; empty: the registry's choice
  std::string path = "/";
  Source source;
  bool to_https = false;
  std::optional<std::int64_t> rate_limit;
  std::optional<std::uint32_t> x4xx_limit;
  std::vector<HeaderRule> client_headers;
  std::vector<HeaderRule> server_headers;
};

struct ConsulConfig {
  std::vector<std::string>
      servers;  ///< http(s)://host:port, no trailing slash; empty: from the environment
  std::vector<ServiceConfig> services;
  std::string token;    ///< secret
  std::string ca_file;  ///< whom to trust with https; empty: the system's
  Source source;
};

struct KubernetesConfig {
  std::vector<std::string> servers;  ///< host:port; empty: from the environment
  std::vector<ServiceConfig> services;
  std::string tokenpath = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  std::string ca_file;  ///< empty: ca.crt beside the token, or the system's
  std::string
      name_space;  ///< empty: that of the file `namespace` beside the token, or POD_NAMESPACE
  Source source;
};

enum class Provider : std::uint8_t { file, consul, kubernetes };
/// As it is written in the file.
[[nodiscard]] std::string_view to_string(Provider provider) noexcept;

/// upstreams.yaml with its conf.d (behaviour section 2). Global values are not mixed into routes
/// here.
struct UpstreamsConfig {
  Provider provider = Provider::file;
  bool to_https = false;
  std::optional<std::chrono::seconds> sticky_sessions;  ///< cookie Max-Age; none: off
  std::optional<std::int64_t> rate_limit;
  std::optional<std::uint32_t> x4xx_limit;
  std::vector<HeaderRule> client_headers;
  std::vector<HeaderRule> server_headers;
  std::optional<AuthConfig> authorization;
  bool verify_upstream = false;
  std::string ca_file;            ///< empty: that of main.yaml, or the system's store
  std::vector<HostConfig> hosts;  ///< no host twice; filled with provider `file` only
  std::optional<ConsulConfig> consul;
  std::optional<KubernetesConfig> kubernetes;
};

struct LoadedUpstreams {
  enum class Status : std::uint8_t { loaded, missing, broken };

  Status status = Status::broken;
  UpstreamsConfig config;  ///< of use when loaded; empty when missing
  std::uint64_t fingerprint =
      0;  ///< of the bytes of every file read, also when broken: equal means unchanged
};

/// The folder of split files that belongs to an upstreams.yaml.
[[nodiscard]] std::string conf_d_of(const std::string& upstreams_conf);

/// Reads upstreams.yaml and the conf.d folder beside it. All mistakes of all files go to
/// `diagnostics`.
[[nodiscard]] LoadedUpstreams load_upstreams(const std::string& path, Diagnostics& diagnostics);

/// The same with `text` in place of upstreams.yaml, as an API push has it: `file` is the name for
/// messages, `path` that of the upstreams.yaml whose conf.d is merged. Never missing.
[[nodiscard]] LoadedUpstreams load_upstreams_text(std::string text, std::string file,
                                                  const std::string& path,
                                                  Diagnostics& diagnostics);

/// The same from text alone, without split files. nullopt if there was any error.
[[nodiscard]] std::optional<UpstreamsConfig> parse_upstreams(std::string_view text,
                                                             std::string file,
                                                             Diagnostics& diagnostics);

}  // namespace aralez
