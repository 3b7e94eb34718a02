#include "control/reload/reloader.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/hash.h"
#include "config/replace_file.h"
#include "control/build/own_routes.h"
#include "control/discovery/known_file.h"
#include "control/discovery/service_routes.h"
#include "control/reload/route_list.h"
#include "control/reload/token_keys.h"
#include "tls/client_context.h"

namespace aralez {
namespace {

/// For the answers of a registry, before a configuration is taken without them or refused.
constexpr std::chrono::seconds kFirstAnswers{5};

}  // namespace

/// One change of what runs, or an attempt at it.
class Reloader::Attempt {
 public:
  explicit Attempt(Reloader& reloader) : reloader_(reloader), lock_(reloader.mutex_) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    auto gone = std::exchange(reloader_.retired_, {});
    std::erase_if(gone, [&](const auto& discovery) { return reloader_.is_wanted(*discovery); });
    lock_.unlock();
    for (const auto& discovery : gone) discovery->stop();
  }

 private:
  Reloader& reloader_;
  std::unique_lock<std::mutex> lock_;
};

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
                                  .challenge_responder = setup_.challenge_responder,
                                  .challenges = setup_.challenges,
                                  .series = setup_.series,
                                  .endpoints = setup_.endpoints,
                                  .generation = ++generation_,
                                  .hash_key = setup_.hash_key});
  const bool of_registry = origin == ConfigOrigin::discovery;  // which has said what is new
  const LogLevel level = of_registry ? LogLevel::debug : LogLevel::info;
  if (setup_.logger.enabled(level)) say(level, list_routes(*snapshot, config));
  if (!of_registry)
    for (const auto& warning : token_key_warnings(config, setup_.main))
      say(LogLevel::warn, warning);
  ActiveConfig active{.origin = origin,
                      .since = std::chrono::system_clock::now(),
                      .config = std::move(config),
                      .snapshot = snapshot,
                      .discovery = discovery_};
  if (of_registry)
    setup_.state.servers_changed(std::move(active));
  else
    setup_.state.applied(std::move(active), std::move(messages));
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

void Reloader::retire(std::shared_ptr<Discovery> discovery) {
  if (discovery) retired_.push_back(std::move(discovery));
}

bool Reloader::is_wanted(const Discovery& discovery) const {
  return discovery_.get() == &discovery || (waiting_ && waiting_->discovery.get() == &discovery);
}

bool Reloader::discover(Candidate& next) {
  if (next.config.provider == Provider::file) return true;
  DiscoverySpec spec = discovery_spec(next.config);
  for (const auto& known : {discovery_, waiting_ ? waiting_->discovery : nullptr})
    if (known && known->spec() == spec) next.discovery = known;
  if (!next.discovery) {
    DiscoveredServices before;
    if (next.origin == ConfigOrigin::start)
      before = read_known(setup_.known_file, spec.provider);
    else if (discovery_ && discovery_->spec().provider == spec.provider)
      before = discovery_->services();
    next.discovery = std::make_shared<Discovery>(
        std::move(spec), setup_.make_registry(next.config), before, setup_.logger,
        [this](const Discovery& from) { discovered(from); });
  }
  next.discovery->wait_first(std::chrono::steady_clock::now() + kFirstAnswers, hurry_.get_token());
  const DiscoverySpec& asked = next.discovery->spec();
  if (next.discovery->has_answered() || asked.services.empty()) return true;
  const bool trusted =
      next.origin == ConfigOrigin::start || (discovery_ && discovery_->spec().same_registry(asked));
  return trusted && knows_any(next.discovery->services());
}

std::shared_ptr<const Snapshot> Reloader::adopt(Candidate& next) {
  if (next.discovery) next.config.hosts = service_routes(next.config, next.discovery->take());
  wait_for(std::nullopt);
  retire(std::exchange(discovery_, next.discovery));
  fingerprint_ = next.fingerprint;
  if (fingerprint_) files_refused_ = false;
  warn_of_own_routes(next.config, setup_.main, next.diagnostics);
  if (next.origin != ConfigOrigin::start && !next.diagnostics.empty())
    say(LogLevel::warn, next.diagnostics.render());
  return build(std::move(next.config), next.origin, next.diagnostics.render());
}

void Reloader::discovered(const Discovery& from) {
  const Attempt attempt(*this);
  if (discovery_.get() == &from) {
    if (!publish_) news_missed_ = true;
    return publish_ ? take_news() : void();
  }
  if (!waiting_ || waiting_->discovery.get() != &from || !publish_) return;
  if (!from.has_answered()) return;
  say(LogLevel::info, fmt::format("{} has answered", to_string(from.spec().provider)));
  Candidate next = std::move(*waiting_);
  publish(adopt(next));
}

void Reloader::wait_for(std::optional<Candidate> next) {
  if (waiting_) retire(std::move(waiting_->discovery));
  waiting_ = std::move(next);
}

void Reloader::remember() {
  if (setup_.known_file.empty() || !discovery_) return;
  const auto written =
      write_known(setup_.known_file, discovery_->spec().provider, discovery_->services());
  if (!written && !forgetful_)
    say(LogLevel::warn, "what is known of services will not outlive a restart: " + written.error());
  forgetful_ = !written;
}

void Reloader::take_news() {
  UpstreamsConfig config = setup_.state.read().active->config;
  config.hosts = service_routes(config, discovery_->take());
  Diagnostics diagnostics;
  warn_of_own_routes(config, setup_.main, diagnostics);
  const std::string own = diagnostics.render();
  if (std::exchange(own_routes_, own) != own && !own.empty()) say(LogLevel::warn, own);
  publish(build(std::move(config), ConfigOrigin::discovery, {}));
}

void Reloader::publish(std::shared_ptr<const Snapshot> snapshot) {
  if (!publish_) return;
  publish_(std::move(snapshot));
  remember();
}

void Reloader::start(Publish publish) {
  const Attempt attempt(*this);
  publish_ = std::move(publish);
  if (!publish_) return;
  if (std::exchange(news_missed_, false))
    take_news();
  else
    remember();
}

void Reloader::stop() {
  const Attempt attempt(*this);
  if (publish_) remember();  // with the time of the last answers
  publish_ = nullptr;
  wait_for(std::nullopt);
  retire(std::exchange(discovery_, nullptr));
}

std::shared_ptr<const Snapshot> Reloader::load_first(Diagnostics& diagnostics) {
  const Attempt attempt(*this);
  auto loaded = load_upstreams(setup_.main.upstreams_conf, diagnostics);
  if (loaded.status == LoadedUpstreams::Status::broken) return nullptr;
  if (loaded.status == LoadedUpstreams::Status::missing)
    say(LogLevel::warn,
        setup_.main.upstreams_conf +
            " does not exist: running without routes until it does; every request is answered 502");
  Candidate first{.config = std::move(loaded.config), .origin = ConfigOrigin::start};
  first.fingerprint = with_bundles(loaded.fingerprint, first.config);
  if (!discover(first)) {
    const auto why = troubles_of(first.discovery->services(), first.config.provider);
    const bool consul = first.config.provider == Provider::consul;
    diagnostics.warning(consul ? first.config.consul->source : first.config.kubernetes->source,
                        to_string(first.config.provider),
                        "there are no servers until it answers: " + why.substr(0, why.find('\n')));
  }
  first.diagnostics = std::move(diagnostics);
  auto snapshot = adopt(first);
  diagnostics = std::move(first.diagnostics);
  return snapshot;
}

void Reloader::reload(Cause cause) {
  const Attempt attempt(*this);
  const ConfigOrigin origin = cause == Cause::asked ? ConfigOrigin::signal : ConfigOrigin::file;
  Candidate next{.config = {}, .origin = origin};
  auto loaded = load_upstreams(setup_.main.upstreams_conf, next.diagnostics);
  next.fingerprint = with_bundles(loaded.fingerprint, loaded.config);
  if (next.fingerprint == fingerprint_) return unchanged(cause, origin);
  if (loaded.status == LoadedUpstreams::Status::missing) {
    say(LogLevel::warn, setup_.main.upstreams_conf + " is gone: the running configuration stays");
    files_refused_ = true;
    return wait_for(std::nullopt);
  }
  if (loaded.status == LoadedUpstreams::Status::broken) {
    wait_for(std::nullopt);
    return static_cast<void>(refuse(origin, next.diagnostics.render()));
  }
  next.config = std::move(loaded.config);
  if (discover(next)) return publish(adopt(next));
  static_cast<void>(refuse(origin, troubles_of(next.discovery->services(), next.config.provider) +
                                       "it runs as soon as there is an answer\n"));
  wait_for(std::move(next));
}

void Reloader::unchanged(Cause cause, ConfigOrigin origin) {
  wait_for(std::nullopt);
  const bool put_right = std::exchange(files_refused_, false);
  if (cause == Cause::changed && !put_right) return;
  say(LogLevel::info, put_right ? "reload: the files are again those of the running configuration"
                                : "reload: nothing has changed");
  setup_.state.not_applied({.origin = origin,
                            .result = ReloadResult::unchanged,
                            .at = std::chrono::system_clock::now(),
                            .messages = {}});
}

std::expected<void, std::string> Reloader::submit(std::string text, Save save) {
  const Attempt attempt(*this);
  const std::string& file = setup_.main.upstreams_conf;
  Candidate next{.config = {}, .origin = ConfigOrigin::api};
  auto loaded =
      load_upstreams_text(text, save == Save::yes ? file : "body", file, next.diagnostics);
  if (loaded.status != LoadedUpstreams::Status::loaded)
    return refuse(ConfigOrigin::api, next.diagnostics.render());
  next.config = std::move(loaded.config);
  if (!discover(next)) {
    auto why = troubles_of(next.discovery->services(), next.config.provider);
    retire(std::move(next.discovery));
    return refuse(ConfigOrigin::api, std::move(why));
  }
  if (save == Save::yes) {
    if (auto saved = replace_file(file, text); !saved) {
      retire(std::move(next.discovery));
      return refuse(ConfigOrigin::api, saved.error() + "\n");
    }
    next.fingerprint = with_bundles(loaded.fingerprint, next.config);
  }
  publish(adopt(next));
  return {};
}

}  // namespace aralez
