#include "control/acme/managed_names.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/ascii.h"
#include "config/decode.h"
#include "config/file.h"
#include "config/replace_file.h"
#include "control/json/json_access.h"
#include "control/schema/values.h"

namespace aralez {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 8U * 1024 * 1024;

std::expected<json, std::string> list_of(const std::string& file) {
  const FileText text = read_text_file(file, kMostBytes, FileRule::regular);
  if (text.status == FileText::Status::missing) return json::array();
  if (text.status != FileText::Status::ok)
    return std::unexpected(fmt::format("{} cannot be read: {}", file, text.reason));
  json list = parse_json(text.text);
  if (!list.is_array())
    return std::unexpected(fmt::format("{} is no JSON array of names; mend it", file));
  return list;
}

}  // namespace

std::expected<std::string, std::string> certificate_name(std::string_view text) {
  std::string name = lower(text);
  if (name.ends_with('.')) name.pop_back();
  constexpr std::size_t kMost = 239;  // of the name of a file, its ending and what stands around it
  const bool one_dot_at_most = !name.ends_with('.');
  if (name.size() <= kMost && one_dot_at_most && is_dns_name(name) &&
      name.find('_') == std::string::npos)
    return name;
  return std::unexpected(
      fmt::format("{} is no host name; certificates are ordered for names such as www.example.com",
                  shown(text)));
}

std::expected<std::set<std::string>, std::string> ManagedNames::read(
    std::vector<std::string>* strange) const {
  std::set<std::string> names;
  for (const std::string& file : files_) {
    const auto list = list_of(file);
    if (!list) return std::unexpected(list.error());
    for (const json& item : *list) {
      const std::string text = item.is_string() ? item.get<std::string>() : std::string();
      if (auto name = certificate_name(text))
        names.insert(std::move(*name));
      else if (strange)
        strange->push_back(fmt::format("{}: {}", file, name.error()));
    }
  }
  return names;
}

std::expected<void, std::string> ManagedNames::add(const std::string& name) const {
  const auto known = read();
  if (!known) return std::unexpected(known.error());
  if (known->contains(name)) return {};
  const std::string folder = std::filesystem::path(files_.front()).parent_path().string();
  if (auto ok = check_writable(folder); !ok) return ok;
  auto list = list_of(files_.front());
  if (!list) return std::unexpected(std::move(list.error()));
  list->push_back(name);
  return replace_file(files_.front(),
                      list->dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace aralez
