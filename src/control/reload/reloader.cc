#include "control/reload/reloader.h"

#include <fmt/format.h>

namespace aralez {
namespace {

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

void Reloader::say(LogLevel level, const std::string& text) {
  setup_.logger.write(level, "aralez::control::reload", text);
}

std::shared_ptr<const Snapshot> Reloader::build(const UpstreamsConfig& config) {
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
  return snapshot;
}

void Reloader::warn_of(const UpstreamsConfig& config) {
  const MainConfig& main = setup_.main;
  const std::string& common = main.jwt_key.empty() ? main.master_key : main.jwt_key;
  std::string guarded, keyless;
  bool common_used = false;
  for (const auto& host : config.hosts)
    for (const auto& path : host.paths) {
      const auto& wanted = config.authorization ? config.authorization : path.authorization;
      if (!wanted) continue;
      const auto here = fmt::format("\n{}{} ({})", host.host, path.path, path.source.to_string());
      if (wanted->type == AuthType::forward) guarded += here;
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
  if (!guarded.empty())
    say(LogLevel::warn,
        "authorization cannot be checked by this version: these routes answer 503 instead of being "
        "served open" +
            guarded);
  if (config.provider != Provider::file)
    say(LogLevel::warn,
        "only the provider \"file\" is available in this version: there are no routes");
}

std::shared_ptr<const Snapshot> Reloader::load_first(Diagnostics& diagnostics) {
  const auto loaded = load_upstreams(setup_.main.upstreams_conf, diagnostics);
  if (loaded.status == LoadedUpstreams::Status::broken) return nullptr;
  if (loaded.status == LoadedUpstreams::Status::missing)
    say(LogLevel::warn,
        setup_.main.upstreams_conf +
            " does not exist: running without routes until it does; every request is answered 502");
  fingerprint_ = loaded.fingerprint;
  return build(loaded.config);
}

void Reloader::reload(Cause cause, const Publish& publish) {
  Diagnostics diagnostics;
  const auto loaded = load_upstreams(setup_.main.upstreams_conf, diagnostics);
  if (loaded.fingerprint == fingerprint_) {
    if (cause == Cause::asked) say(LogLevel::info, "reload: nothing has changed");
    return;
  }
  if (loaded.status == LoadedUpstreams::Status::missing) {
    say(LogLevel::warn, setup_.main.upstreams_conf + " is gone: the running configuration stays");
    return;
  }
  if (loaded.status == LoadedUpstreams::Status::broken) {
    say(LogLevel::error,
        "reload refused, the running configuration stays:\n" + diagnostics.render());
    return;
  }
  if (loaded.config.provider != Provider::file) {
    say(LogLevel::error,
        "reload refused, the running configuration stays: only the provider \"file\" is available "
        "in this version");
    return;
  }
  if (!diagnostics.empty()) say(LogLevel::warn, diagnostics.render());
  fingerprint_ = loaded.fingerprint;
  publish(build(loaded.config));
}

}  // namespace aralez
