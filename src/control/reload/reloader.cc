#include "control/reload/reloader.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/hash.h"
#include "config/replace_file.h"
#include "control/build/own_routes.h"
#include "tls/client_context.h"

namespace aralez {
namespace {

/// Discovery would begin with an empty table.
constexpr std::string_view kOnlyFile =
    "provider: only file is available in this version; consul and kubernetes are not\n";

std::size_t count_routes(const UpstreamsConfig& config) {
  std::size_t n = 0;
  for (const auto& host : config.hosts) n += host.paths.size();
  return n;
}

/// The route table as one record (behaviour section 15.1).
std::string list_routes(const Snapshot& snapshot, const UpstreamsConfig& config) {
  std::string out = fmt::format("configuration {}: {} hosts, {} routes", snapshot.generation,
                                config.hosts.size(), count_routes(config));
  for (const auto& host : config.hosts) {
    for (const auto& path : host.paths) {
      std::string servers;
      for (const auto& s : path.servers)
        servers += fmt::format("{}{}:{}", servers.empty() ? "" : ", ", s.host, s.port);
      out += fmt::format("\n{}{} -> {}", host.host, path.path,
                         servers.empty() ? "no servers" : servers);
    }
  }
  return out;
}

}  // namespace

std::uint64_t Reloader::with_bundles(std::uint64_t fingerprint,
                                     const UpstreamsConfig& config) const {
  std::set<std::string> files{setup_.main.ca_file, config.ca_file};
  for (const auto& host : config.hosts)
    for (const auto& path : host.paths) files.insert(path.ca_file);
  for (const auto& file : files) {
    if (!file.empty()) fingerprint = KeyedHash::of(fingerprint, read_ca_file(file).text);
  }
  return fingerprint;
}

void Reloader::say(LogLevel level, const std::string& text) {
  setup_.logger.write(level, "aralez::control::reload", text);
}

std::shared_ptr<const Snapshot> Reloader::build(UpstreamsConfig config, ConfigOrigin origin,
                                                std::string messages) {
  auto snapshot = build_snapshot({.main = setup_.main,
                                  .upstreams = config,
                                  .make_chain = setup_.make_chain,
                                  .files = setup_.files,
                                  .admin = setup_.admin,
                                  .series = setup_.series,
                                  .endpoints = setup_.endpoints,
                                  .generation = ++generation_,
                                  .hash_key = setup_.hash_key});
  if (setup_.logger.enabled(LogLevel::info)) say(LogLevel::info, list_routes(*snapshot, config));
  warn_of(config);
  setup_.state.applied({.origin = origin,
                        .since = std::chrono::system_clock::now(),
                        .config = std::move(config),
                        .snapshot = snapshot},
                       std::move(messages));
  return snapshot;
}

std::expected<void, std::string> Reloader::refuse(ConfigOrigin origin, std::string why) {
  if (origin != ConfigOrigin::api) files_refused_ = true;
  say(LogLevel::error, fmt::format("{} refused, the running configuration stays:\n{}",
                                   origin == ConfigOrigin::api ? "push" : "reload", why));
  setup_.state.not_applied({.origin = origin,
                            .result = ReloadResult::refused,
                            .at = std::chrono::system_clock::now(),
                            .messages = why});
  return std::unexpected(std::move(why));
}

void Reloader::warn_of(const UpstreamsConfig& config) {
  const MainConfig& main = setup_.main;
  const std::string& common = main.jwt_key.empty() ? main.master_key : main.jwt_key;
  std::string keyless;
  bool common_used = false;
  for (const auto& host : config.hosts)
    for (const auto& path : host.paths) {
      const auto& wanted = config.authorization ? config.authorization : path.authorization;
      if (!wanted) continue;
      const auto here = fmt::format("\n{}{} ({})", host.host, path.path, path.source.to_string());
      if (wanted->type != AuthType::jwt || wanted->jwt_key != JwtKey::secret) continue;
      if (!wanted->data.empty() && main.jwt_key.empty()) continue;
      common_used = true;
      if (common.empty()) keyless += here;
    }
  if (!keyless.empty())
    say(LogLevel::warn,
        "authorization of type jwt without a key: these routes answer 401 to everybody; write "
        "data, "
        "or master_key in main.yaml, or set JWT_KEY" +
            keyless);
  constexpr std::size_t kGoodSecret = 32;  // RFC 7518 section 3.2
  if (common_used && !common.empty() && common.size() < kGoodSecret)
    say(LogLevel::warn,
        fmt::format("{} has less than {} bytes: it can be guessed from a token of type jwt",
                    main.jwt_key.empty() ? "master_key" : "JWT_KEY", kGoodSecret));
}

std::shared_ptr<const Snapshot> Reloader::load_first(Diagnostics& diagnostics) {
  const std::lock_guard lock(mutex_);
  auto loaded = load_upstreams(setup_.main.upstreams_conf, diagnostics);
  if (loaded.status == LoadedUpstreams::Status::broken) return nullptr;
  if (loaded.status == LoadedUpstreams::Status::missing)
    say(LogLevel::warn,
        setup_.main.upstreams_conf +
            " does not exist: running without routes until it does; every request is answered 502");
  warn_of_own_routes(loaded.config, setup_.main, diagnostics);
  fingerprint_ = with_bundles(loaded.fingerprint, loaded.config);
  return build(std::move(loaded.config), ConfigOrigin::start, diagnostics.render());
}

void Reloader::reload(Cause cause, const Publish& publish) {
  const std::lock_guard lock(mutex_);
  const ConfigOrigin origin = cause == Cause::asked ? ConfigOrigin::signal : ConfigOrigin::file;
  Diagnostics diagnostics;
  auto loaded = load_upstreams(setup_.main.upstreams_conf, diagnostics);
  loaded.fingerprint = with_bundles(loaded.fingerprint, loaded.config);
  if (loaded.fingerprint == fingerprint_) {
    const bool put_right = std::exchange(files_refused_, false);
    if (cause == Cause::changed && !put_right) return;
    say(LogLevel::info, put_right ? "reload: the files are again those of the running configuration"
                                  : "reload: nothing has changed");
    return setup_.state.not_applied({.origin = origin,
                                     .result = ReloadResult::unchanged,
                                     .at = std::chrono::system_clock::now(),
                                     .messages = {}});
  }
  if (loaded.status == LoadedUpstreams::Status::missing) {
    say(LogLevel::warn, setup_.main.upstreams_conf + " is gone: the running configuration stays");
    files_refused_ = true;
    return;
  }
  if (loaded.status == LoadedUpstreams::Status::broken)
    return static_cast<void>(refuse(origin, diagnostics.render()));
  if (loaded.config.provider != Provider::file)
    return static_cast<void>(refuse(origin, std::string(kOnlyFile)));
  warn_of_own_routes(loaded.config, setup_.main, diagnostics);
  if (!diagnostics.empty()) say(LogLevel::warn, diagnostics.render());
  fingerprint_ = loaded.fingerprint;
  files_refused_ = false;
  publish(build(std::move(loaded.config), origin, diagnostics.render()));
}

std::expected<void, std::string> Reloader::submit(std::string text, Save save,
                                                  const Publish& publish) {
  const std::lock_guard lock(mutex_);
  const std::string& file = setup_.main.upstreams_conf;
  Diagnostics diagnostics;
  auto loaded = load_upstreams_text(text, save == Save::yes ? file : "body", file, diagnostics);
  if (loaded.status != LoadedUpstreams::Status::loaded)
    return refuse(ConfigOrigin::api, diagnostics.render());
  if (loaded.config.provider != Provider::file)
    return refuse(ConfigOrigin::api, std::string(kOnlyFile));
  if (save == Save::yes) {
    if (auto saved = replace_file(file, text); !saved)
      return refuse(ConfigOrigin::api, saved.error() + "\n");
  }
  warn_of_own_routes(loaded.config, setup_.main, diagnostics);
  if (!diagnostics.empty()) say(LogLevel::warn, diagnostics.render());
  fingerprint_.reset();
  if (save == Save::yes) {
    fingerprint_ = with_bundles(loaded.fingerprint, loaded.config);
    files_refused_ = false;
  }
  publish(build(std::move(loaded.config), ConfigOrigin::api, diagnostics.render()));
  return {};
}

}  // namespace aralez
