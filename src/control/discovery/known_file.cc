#include "control/discovery/known_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/file.h"
#include "config/replace_file.h"
#include "control/json/json_access.h"
#include "control/schema/values.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using WallTime = std::chrono::system_clock::time_point;

constexpr std::size_t kMostBytes = 32U * 1024 * 1024;

std::int64_t to_number(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// nullopt: something in it is not a server, so nothing is believed.
std::optional<std::vector<ServerConfig>> servers_of(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<ServerConfig> out;
  for (const Json& item : list) {
    if (!item.is_string()) return std::nullopt;
    auto server = parse_server(item.get<std::string>());
    if (!server.value) return std::nullopt;
    out.push_back(std::move(*server.value));
  }
  return out;
}

}  // namespace

std::string known_file_in(const std::string& folder) {
  return (fs::path(folder) / "autoconfigs" / "services.json").string();
}

DiscoveredServices read_known(const std::string& file, Provider provider) {
  DiscoveredServices out;
  const FileText text = read_text_file(file, kMostBytes, FileRule::regular);
  if (text.status != FileText::Status::ok) return out;
  const Json root = parse_json(text.text);
  if (text_in(root, "provider") != to_string(provider)) return out;
  for (const Json& item : list_in(root, "services")) {
    DiscoveredService service{.servers = servers_of(member(item, "servers"))};
    if (!service.servers) continue;
    if (const Json& at = member(item, "answered"); at.is_number_integer())
      service.answered = WallTime(std::chrono::seconds(at.get<std::int64_t>()));
    out[{text_in(item, "name"), text_in(item, "port")}] = std::move(service);
  }
  return out;
}

std::expected<void, std::string> write_known(const std::string& file, Provider provider,
                                             const DiscoveredServices& services) {
  Json list = Json::array();
  for (const auto& [key, service] : services) {
    if (!service.servers) continue;
    Json servers = Json::array();
    for (const ServerConfig& s : *service.servers) servers.push_back(host_and_port(s.host, s.port));
    Json item{{"name", key.name}, {"port", key.port}, {"servers", std::move(servers)}};
    if (service.answered) item["answered"] = to_number(*service.answered);
    list.push_back(std::move(item));
  }
  std::error_code failed;
  const fs::path folder = fs::path(file).parent_path();
  if (fs::create_directories(folder, failed); failed)
    return std::unexpected(fmt::format("{} cannot be made: {}", folder.string(), failed.message()));
  const Json root{{"provider", to_string(provider)}, {"services", std::move(list)}};
  return replace_file(file, root.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace aralez
