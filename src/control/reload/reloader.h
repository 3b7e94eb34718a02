#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "control/build/build.h"
#include "control/discovery/discovery.h"
#include "control/reload/config_state.h"

namespace aralez {

/// Loads upstreams.yaml with its conf.d, or takes what is pushed in its place, asks the registry
/// that it names, turns it into snapshots, and keeps the last good one when there is a mistake. One
/// attempt at a time, whatever threads ask.
class Reloader {
 public:
  /// Called with the lock of the reloader held.
  using Publish = std::function<void(std::shared_ptr<const Snapshot>)>;

  struct Setup {
    const MainConfig& main;
    ChainMaker make_chain;
    RegistryMaker make_registry;
    std::shared_ptr<const Responder> files;
    std::shared_ptr<const Responder> admin;
    std::shared_ptr<const Responder> challenge_responder = nullptr;  ///< see BuildInputs
    std::shared_ptr<const ChallengeTable> challenges = nullptr;
    RouteSeries* series = nullptr;
    Logger& logger;
    ConfigState& state;
    std::uint64_t hash_key = 0;
    EndpointRegistry* endpoints = nullptr;  ///< see BuildInputs
    std::string known_file = {};            ///< see control/discovery/known_file.h; empty: none
  };

  explicit Reloader(Setup setup) : setup_(std::move(setup)) {}
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;
  ~Reloader() { stop(); }

  /// The first configuration. A missing file gives an empty one and a warning; a broken one gives
  /// null, and `diagnostics` says why. Waits a few seconds for a registry.
  [[nodiscard]] std::shared_ptr<const Snapshot> load_first(Diagnostics& diagnostics);
  /// From now on what changes is published, that of a registry since load_first() too.
  void start(Publish publish);
  /// From now on no registry is waited for: the process is about to end. Any thread.
  void hurry() { hurry_.request_stop(); }
  /// Nothing is published after this.
  void stop();

  enum class Cause : std::uint8_t { changed, asked };
  /// Loads again and publishes what is good and differs from what runs. Everything else is logged
  /// and changes nothing. What names a registry that does not answer runs as soon as it does.
  void reload(Cause cause);

  enum class Save : bool { no, yes };
  /// Publishes `text` in place of upstreams.yaml, with the conf.d as it is. Not saved, it runs
  /// until the files change, someone asks for a reload, or the process ends. Saved, it has become
  /// upstreams.yaml before it is published, and the change of the file is no reload.
  /// The error says everything that is wrong, and nothing has changed then.
  [[nodiscard]] std::expected<void, std::string> submit(std::string text, Save save);

 private:
  /// A configuration on its way to be what runs.
  struct Candidate {
    UpstreamsConfig config;
    ConfigOrigin origin = ConfigOrigin::start;
    std::optional<std::uint64_t> fingerprint;
    Diagnostics diagnostics;
    std::shared_ptr<Discovery> discovery;  ///< null with provider file
  };

  class Attempt;

  /// Finds or starts the discovery that it needs, and waits for answers, but not long. False: there
  /// are none, and what is known is from another registry, or nothing.
  [[nodiscard]] bool discover(Candidate& next);
  /// It becomes what runs.
  [[nodiscard]] std::shared_ptr<const Snapshot> adopt(Candidate& next);
  /// The servers of services are others.
  void discovered(const Discovery& from);
  void take_news();
  /// What is known of services is kept for the next start.
  void remember();
  /// In place of the one that was waited for.
  void wait_for(std::optional<Candidate> next);
  void publish(std::shared_ptr<const Snapshot> snapshot);
  void unchanged(Cause cause, ConfigOrigin origin);
  /// At the end of the attempt, unless it is of what runs or is waited for then: configurations
  /// with the same questions share one.
  void retire(std::shared_ptr<Discovery> discovery);
  [[nodiscard]] bool is_wanted(const Discovery& discovery) const;
  [[nodiscard]] std::shared_ptr<const Snapshot> build(UpstreamsConfig config, ConfigOrigin origin,
                                                      std::string messages);
  [[nodiscard]] std::expected<void, std::string> refuse(ConfigOrigin origin, std::string why);
  /// `fingerprint` and the certificates of whom routes trust, which are read when it is built.
  [[nodiscard]] std::uint64_t with_bundles(std::uint64_t fingerprint,
                                           const UpstreamsConfig& config) const;
  void say(LogLevel level, const std::string& text);

  Setup setup_;
  std::stop_source hurry_;
  std::mutex mutex_;  ///< of what follows
  Publish publish_;   ///< none: not started, or stopped
  std::uint64_t generation_ = 0;
  /// Of the files that run now; none when what runs is in no file.
  std::optional<std::uint64_t> fingerprint_;
  bool files_refused_ = false;  ///< the files were something else meanwhile, which did not run
  std::shared_ptr<Discovery> discovery_;             ///< of what runs; null with provider file
  std::string own_routes_;                           ///< warnings of its servers, once said
  bool news_missed_ = false;                         ///< of it, before start()
  bool forgetful_ = false;                           ///< the known file could not be written
  std::optional<Candidate> waiting_;                 ///< files whose registry has not answered
  std::vector<std::shared_ptr<Discovery>> retired_;  ///< end without the lock, which they may want
};

}  // namespace aralez
