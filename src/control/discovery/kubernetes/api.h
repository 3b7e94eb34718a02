#pragma once

#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/fetch/fetcher.h"
#include "control/schema/upstreams_config.h"

namespace aralez::kubernetes {

/// What Kubernetes, or a manifest, tells a pod in its environment.
struct PodEnvironment {
  std::string host;        ///< KUBERNETES_SERVICE_HOST
  std::string port;        ///< KUBERNETES_SERVICE_PORT_HTTPS
  std::string name_space;  ///< POD_NAMESPACE

  [[nodiscard]] static PodEnvironment of_process();
};

/// Where the API is, and what requests to it have in common. Tokens, certificates and the namespace
/// are looked up each time, as they change while we run.
class Api {
 public:
  Api(const KubernetesConfig& config, PodEnvironment environment);

  /// `https://host:port` of each; none when nobody says where it is.
  [[nodiscard]] const std::vector<std::string>& servers() const noexcept { return servers_; }
  /// Or what is wrong with the file that says it, as a phrase: another one must not be asked.
  [[nodiscard]] std::expected<std::string, std::string> name_space() const;
  /// Without an answer's size or a time; or what is wrong with the token, as a phrase.
  [[nodiscard]] std::expected<FetchRequest, std::string> request(std::string url) const;

 private:
  [[nodiscard]] std::string beside_token(std::string_view name) const;

  std::vector<std::string> servers_;
  std::string token_file_;
  std::string ca_file_;
  std::string name_space_;  // of the configuration
  const PodEnvironment environment_;
};

/// A name that a service can have. Others cannot be asked for: they would end a selector.
[[nodiscard]] bool is_service_name(std::string_view text);

// Paths with their queries. `services` are names of services.

/// `continued`: SlicePage::continued.
[[nodiscard]] std::string list_path(std::string_view name_space,
                                    const std::set<std::string>& services,
                                    std::string_view continued);
/// `seconds`: when the server shall end it.
[[nodiscard]] std::string watch_path(std::string_view name_space,
                                     const std::set<std::string>& services,
                                     std::string_view version, unsigned seconds);
[[nodiscard]] std::string endpoints_path(std::string_view name_space, std::string_view service);

}  // namespace aralez::kubernetes
