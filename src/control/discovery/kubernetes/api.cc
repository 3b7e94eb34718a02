#include "control/discovery/kubernetes/api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "config/file.h"
#include "control/discovery/url_segment.h"
#include "control/schema/values.h"
#include "io/socket_address.h"

namespace aralez::kubernetes {
namespace {

constexpr std::size_t kMaxToken = std::size_t{64} * 1024;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Empty: it names none.
std::string server_in(const PodEnvironment& environment) {
  const auto& host = environment.host;
  std::uint16_t port = 0;
  if (!parse_number(environment.port, 1, 65535, port)) return {};
  if (!parse_ip(host) && !is_dns_name(host)) return {};
  return "https://" + host_and_port(host, port);
}

/// The token of a file, or what is wrong with it.
std::expected<std::string, std::string> read_token(const std::string& path) {
  const FileText file = read_text_file(path, kMaxToken, FileRule::regular);
  if (file.status != FileText::Status::ok)
    return std::unexpected(fmt::format("{}: {}", path, file.reason));
  const std::string_view token = trim(file.text);
  const bool is_visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (token.empty() || !is_visible || file.text.size() > kMaxToken)
    return std::unexpected(fmt::format("{}: no token", path));
  return std::string(token);
}

std::string slices_path(std::string_view name_space, const std::set<std::string>& services) {
  constexpr std::size_t kMaxNamed = 100;  // or the URL gets too long for who stands between
  constexpr std::string_view kLabel = "kubernetes.io/service-name";
  const std::string selector = services.size() > kMaxNamed
                                   ? std::string(kLabel)
                                   : fmt::format("{} in ({})", kLabel, fmt::join(services, ","));
  return fmt::format("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices?labelSelector={}",
                     url_segment(name_space), url_segment(selector));
}

}  // namespace

PodEnvironment PodEnvironment::of_process() {
  return {.host = variable("KUBERNETES_SERVICE_HOST"),
          .port = variable("KUBERNETES_SERVICE_PORT_HTTPS"),
          .name_space = variable("POD_NAMESPACE")};
}

Api::Api(const KubernetesConfig& config, PodEnvironment environment)
    : token_file_(config.tokenpath),
      ca_file_(config.ca_file),
      name_space_(config.name_space),
      environment_(std::move(environment)) {
  for (const std::string& server : config.servers) servers_.push_back("https://" + server);
  if (!servers_.empty()) return;
  if (std::string server = server_in(environment_); !server.empty())
    servers_.push_back(std::move(server));
}

std::string Api::beside_token(std::string_view name) const {
  return std::filesystem::path(token_file_).replace_filename(name).string();
}

std::expected<std::string, std::string> Api::name_space() const {
  if (!name_space_.empty()) return name_space_;
  const std::string path = beside_token("namespace");
  const FileText file = read_text_file(path, kMaxToken, FileRule::regular);
  if (file.status == FileText::Status::unreadable)
    return std::unexpected(fmt::format("{}: {}", path, file.reason));
  if (const auto text = trim(file.text); !text.empty()) return std::string(text);
  return environment_.name_space.empty() ? "default" : environment_.name_space;
}

std::expected<FetchRequest, std::string> Api::request(std::string url) const {
  auto token = read_token(token_file_);
  if (!token) return std::unexpected(std::move(token.error()));
  FetchRequest request{.url = std::move(url),
                       .way = FetchRequest::Way::direct,
                       .fields = {"Authorization: Bearer " + *token, "Accept: application/json"},
                       .ca_file = ca_file_};
  std::error_code ignored;
  if (std::string beside = beside_token("ca.crt");
      ca_file_.empty() && std::filesystem::exists(beside, ignored))
    request.ca_file = std::move(beside);
  return request;
}

bool is_service_name(std::string_view text) {
  return text.size() <= 63 && is_dns_name(text) && text.find_first_of("._") == std::string::npos;
}

std::string list_path(std::string_view name_space, const std::set<std::string>& services,
                      std::string_view continued) {
  constexpr int kPage = 100;  // each may have a thousand addresses
  std::string path = fmt::format("{}&limit={}", slices_path(name_space, services), kPage);
  if (!continued.empty()) path += "&continue=" + url_segment(continued);
  return path;
}

std::string watch_path(std::string_view name_space, const std::set<std::string>& services,
                       std::string_view version, unsigned seconds) {
  return fmt::format("{}&watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                     slices_path(name_space, services), url_segment(version), seconds);
}

std::string endpoints_path(std::string_view name_space, std::string_view service) {
  return fmt::format("/api/v1/namespaces/{}/endpoints/{}", url_segment(name_space),
                     url_segment(service));
}

}  // namespace aralez::kubernetes
