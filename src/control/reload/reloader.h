#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "control/build/build.h"

namespace aralez {

/// Loads upstreams.yaml with its conf.d, turns it into snapshots, and keeps the last good one when
/// a save is broken. One caller at a time: start-up, then the watcher's thread.
class Reloader {
 public:
  using Publish = std::function<void(std::shared_ptr<const Snapshot>)>;

  struct Setup {
    const MainConfig& main;
    ChainMaker make_chain;
    std::shared_ptr<const Responder> files;
    std::shared_ptr<const Responder> admin;
    RouteSeries* series = nullptr;
    Logger& logger;
    std::uint64_t hash_key = 0;
    EndpointRegistry* endpoints = nullptr;  ///< see BuildInputs
  };

  explicit Reloader(Setup setup) : setup_(std::move(setup)) {}

  /// The first configuration. A missing file gives an empty one and a warning; a broken one gives
  /// null, and `diagnostics` says why.
  [[nodiscard]] std::shared_ptr<const Snapshot> load_first(Diagnostics& diagnostics);

  enum class Cause : std::uint8_t { changed, asked };
  /// Loads again and publishes what is good and differs from what runs. Everything else is logged
  /// and changes nothing.
  void reload(Cause cause, const Publish& publish);

 private:
  [[nodiscard]] std::shared_ptr<const Snapshot> build(const UpstreamsConfig& config);
  void say(LogLevel level, const std::string& text);
  void warn_of(const UpstreamsConfig& config);

  Setup setup_;
  std::uint64_t generation_ = 0;
  std::optional<std::uint64_t> fingerprint_;  ///< of the files that run now
};

}  // namespace aralez
