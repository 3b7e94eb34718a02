#include "control/schema/upstreams_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "config/file.h"
#include "config/map_reader.h"
#include "control/schema/blocks.h"
#include "control/schema/not_yet.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kOldStickyAge{86400};  ///< `sticky_sessions: true` of old files

struct NamedText {
  std::string name;
  std::string text;
};

/// Everything that was read, before it is parsed.
struct SplitFiles {
  std::vector<NamedText> files;
  std::uint64_t fingerprint = 0;
};

Source whole_file(const std::string& name) {
  return {std::make_shared<const std::string>(name)};
}

std::uint64_t mixed(std::uint64_t seed, std::string_view text) {
  return (seed ^ std::hash<std::string_view>{}(text)) * 0x9e3779b97f4a7c15ULL;
}

/// Names of the split files, sorted; those of editors, which begin with a dot, do not count. No
/// folder is no files.
std::vector<std::string> list_conf_d(const std::string& folder, Diagnostics& diagnostics) {
  std::vector<std::string> out;
  std::error_code ec;
  fs::directory_iterator it(folder, ec);
  if (ec) {
    if (ec != std::errc::no_such_file_or_directory && ec != std::errc::not_a_directory)
      diagnostics.warning(whole_file(folder), "",
                          fmt::format("cannot be listed: {}", ec.message()));
    return out;
  }
  for (; !ec && it != fs::directory_iterator(); it.increment(ec)) {
    const std::string name = it->path().string();
    if (it->path().filename().string().starts_with('.')) continue;
    if (name.ends_with(".yaml"))
      out.push_back(name);
    else if (name.ends_with(".yml"))
      diagnostics.warning(whole_file(name), "", "not read; the name must end in .yaml");
  }
  std::sort(out.begin(), out.end());
  return out;
}

SplitFiles read_conf_d(const std::string& folder, Diagnostics& diagnostics) {
  SplitFiles out;
  for (const std::string& name : list_conf_d(folder, diagnostics)) {
    FileText file = read_text_file(name, YamlLimits{}.max_bytes, FileRule::regular);
    if (file.status != FileText::Status::ok) {
      diagnostics.warning(whole_file(name), "",
                          fmt::format("skipped, it cannot be read: {}", file.reason));
      continue;
    }
    out.fingerprint = mixed(mixed(out.fingerprint, name), file.text);
    out.files.push_back({name, std::move(file.text)});
  }
  return out;
}

void read_provider(MapReader& map, Provider& out) {
  map.require("provider", "provider: file, consul or kubernetes");
  std::string text;
  map.text("provider", text);
  for (const Provider provider : {Provider::file, Provider::consul, Provider::kubernetes})
    if (text == to_string(provider)) {
      out = provider;
      return;
    }
  if (const Node* node = map.get("provider");
      node != nullptr && node->is_scalar() && node->text() == text)
    map.diagnostics().error(
        node->source(), "provider",
        fmt::format("{} is not a provider; write file, consul or kubernetes", shown(text)));
}

void read_sticky(MapReader& map, std::optional<std::chrono::seconds>& out) {
  const Node* node = map.get("sticky_sessions");
  if (node == nullptr) return;
  const bool word = node->is_scalar() && node->style() == Node::Style::plain &&
                    (node->text().starts_with('t') || node->text().starts_with('T') ||
                     node->text().starts_with('f') || node->text().starts_with('F'));
  if (word) {
    if (decode_bool({*node, "sticky_sessions"}, map.diagnostics()).value_or(false))
      out = kOldStickyAge;
    return;
  }
  constexpr IntegerRule kRule{.max = 366LL * 24 * 3600 * 100, .floats = IntegerRule::Floats::whole};
  const auto age = decode_integer({*node, "sticky_sessions"}, map.diagnostics(), kRule);
  if (age == 0)
    map.diagnostics().warning(
        node->source(), "sticky_sessions",
        "a cookie that is kept for 0 seconds is none; write false, or how long");
  else if (age)
    out = std::chrono::seconds(*age);
}

bool has_paths(const Node::Member& member) {
  const auto& keys = member.value->members();
  return std::any_of(keys.begin(), keys.end(),
                     [](const Node::Member& m) { return m.key == "paths"; });
}

/// Hosts stand under `upstreams:`, or, in old files, at the top level. Returns whether there is a
/// place for hosts at all: without one the split files are not merged.
bool read_hosts(MapReader& map, HostList& hosts) {
  bool found = false;
  const Node* upstreams = map.get("upstreams");
  if (upstreams != nullptr && upstreams->is_mapping()) {
    hosts.read_all(*upstreams);
    found = true;
  } else if (upstreams != nullptr) {
    map.diagnostics().error(
        upstreams->source(), "upstreams",
        fmt::format("this is {}; write hosts below it", to_string(upstreams->kind())));
  }
  for (const Node::Member* member : map.unknown()) {
    if (has_paths(*member)) {
      hosts.read(map.node(), *member);
      found = true;
    } else {
      map.warn_unknown(*member);
    }
  }
  return found;
}

void read_discovery(MapReader& map, UpstreamsConfig& config) {
  if (const Node* node = map.get("consul")) config.consul = read_consul(*node, map.diagnostics());
  if (const Node* node = map.get("kubernetes"))
    config.kubernetes = read_kubernetes(*node, map.diagnostics());
  if (config.provider == Provider::consul)
    map.require("consul", "consul: {servers: [...], services: [...]}, which provider consul needs");
  if (config.provider == Provider::kubernetes)
    map.require("kubernetes", "kubernetes: {services: [...]}, which provider kubernetes needs");
}

bool read_root(const Node& root, UpstreamsConfig& config, HostList& hosts,
               Diagnostics& diagnostics) {
  MapReader map(root, diagnostics);
  read_provider(map, config.provider);
  map.boolean("to_https", config.to_https);
  read_sticky(map, config.sticky_sessions);
  read_limit_keys(map, config.rate_limit, config.x4xx_limit);
  read_header_keys(map, config.client_headers, config.server_headers);
  if (const Node* node = map.get("authorization"))
    config.authorization = parse_auth(*node, diagnostics);
  std::optional<bool> verify;
  read_verification(map, verify, config.ca_file);
  config.verify_upstream = verify.value_or(false);
  read_discovery(map, config);
  map.ignore({"globals"});
  warn_not_yet(root, ConfigBlock::upstreams, diagnostics);
  return read_hosts(map, hosts);
}

void merge_split_file(const NamedText& file, HostList& hosts, Diagnostics& diagnostics) {
  const auto document = parse_yaml(file.text, file.name, diagnostics);
  if (document == nullptr) return;
  const Node& root = document->root();
  if (root.is_null()) return;
  if (!root.is_mapping()) {
    diagnostics.error(
        root.source(), "",
        fmt::format("this is {}; write `host: {{paths: ...}}`", to_string(root.kind())));
    return;
  }
  for (const Node::Member& member : root.members()) {
    if (member.key == "upstreams" && !has_paths(member)) {
      diagnostics.error(root.source(member), member.key,
                        "a split file has no such level; write its hosts at the top");
    } else if (member.value->is_mapping()) {
      hosts.read(root, member);
    } else {
      diagnostics.error(
          root.source(member), member.key,
          "not a host block; a split file holds hosts alone, other keys belong in upstreams.yaml");
    }
  }
}

UpstreamsConfig parse_all(const NamedText& main, const SplitFiles& split,
                          Diagnostics& diagnostics) {
  UpstreamsConfig config;
  HostList hosts(diagnostics);
  bool has_place = true;  // a broken main file hides nothing of the others
  if (const auto document = parse_yaml(main.text, main.name, diagnostics)) {
    const Node& root = document->root();
    if (root.is_mapping()) {
      has_place = read_root(root, config, hosts, diagnostics);
    } else {
      diagnostics.error(root.source(), "",
                        root.is_null()
                            ? "the file is empty; write provider: file and upstreams:"
                            : fmt::format("this is {}; write provider: file and upstreams:",
                                          to_string(root.kind())));
    }
  }
  if (config.provider != Provider::file) return config;
  if (!has_place && !split.files.empty()) {
    diagnostics.warning(
        whole_file(main.name), "upstreams",
        "absent, so conf.d is not read; write upstreams: {} for hosts in conf.d alone");
    return config;
  }
  for (const NamedText& file : split.files) merge_split_file(file, hosts, diagnostics);
  config.hosts = hosts.take();
  return config;
}

std::optional<UpstreamsConfig> without_errors(const NamedText& main, const SplitFiles& split,
                                              Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.errors();
  UpstreamsConfig config = parse_all(main, split, diagnostics);
  if (diagnostics.errors() != errors) return std::nullopt;
  return config;
}

}  // namespace

std::string_view to_string(Provider provider) noexcept {
  switch (provider) {
    case Provider::file: return "file";
    case Provider::consul: return "consul";
    case Provider::kubernetes: break;
  }
  return "kubernetes";
}

std::optional<UpstreamsConfig> parse_upstreams(std::string_view text, std::string file,
                                               Diagnostics& diagnostics) {
  return without_errors({std::move(file), std::string(text)}, {}, diagnostics);
}

LoadedUpstreams load_upstreams_text(std::string text, std::string file, const std::string& path,
                                    Diagnostics& diagnostics) {
  LoadedUpstreams out;
  const SplitFiles split = read_conf_d(conf_d_of(path), diagnostics);
  out.fingerprint = mixed(split.fingerprint, text);
  if (auto config = without_errors({std::move(file), std::move(text)}, split, diagnostics)) {
    out.config = std::move(*config);
    out.status = LoadedUpstreams::Status::loaded;
  }
  return out;
}

LoadedUpstreams load_upstreams(const std::string& path, Diagnostics& diagnostics) {
  LoadedUpstreams out;
  FileText main = read_text_file(path, YamlLimits{}.max_bytes, FileRule::regular);
  if (main.status == FileText::Status::missing) {
    diagnostics.warning(whole_file(path), "",
                        "does not exist; there are no routes until it appears");
    out.status = LoadedUpstreams::Status::missing;
    return out;
  }
  if (main.status == FileText::Status::unreadable) {
    diagnostics.error(whole_file(path), "", fmt::format("cannot be read: {}", main.reason));
    return out;
  }
  return load_upstreams_text(std::move(main.text), path, path, diagnostics);
}

std::string conf_d_of(const std::string& upstreams_conf) {
  return (fs::path(upstreams_conf).parent_path() / "conf.d").string();
}

}  // namespace aralez
