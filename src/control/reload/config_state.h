#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "control/discovery/discovery.h"
#include "control/schema/upstreams_config.h"
#include "proxy/snapshot.h"

namespace aralez {

/// What asked for a configuration.
enum class ConfigOrigin : std::uint8_t {
  start,
  file,  ///< a change of the files
  signal,
  api,
  discovery,  ///< the servers of services are others
};
[[nodiscard]] std::string_view to_string(ConfigOrigin origin) noexcept;

enum class ReloadResult : std::uint8_t {
  applied,
  unchanged,  ///< nothing to do
  refused,    ///< what ran before still runs
};
inline constexpr std::size_t kReloadResults = 3;
[[nodiscard]] std::string_view to_string(ReloadResult result) noexcept;

/// The configuration that runs. Immutable.
struct ActiveConfig {
  ConfigOrigin origin = ConfigOrigin::start;
  std::chrono::system_clock::time_point since;
  UpstreamsConfig config;
  std::shared_ptr<const Snapshot> snapshot;              ///< never null; has the generation
  std::shared_ptr<const Discovery> discovery = nullptr;  ///< null with provider file
};

/// How an attempt to change it ended.
struct ReloadReport {
  ConfigOrigin origin = ConfigOrigin::start;
  ReloadResult result = ReloadResult::applied;
  std::chrono::system_clock::time_point at;
  std::string messages;  ///< mistakes and warnings, a line each; no secrets
};

/// What runs and how that came about, for whoever wants to show it. The reloader writes; any thread
/// reads.
class ConfigState {
 public:
  struct Seen {
    std::shared_ptr<const ActiveConfig> active;  ///< null before the first
    ReloadReport last;
    std::array<std::uint64_t, kReloadResults> attempts{};  ///< by ReloadResult, the start included
  };
  [[nodiscard]] Seen read() const;

  void applied(ActiveConfig config, std::string messages);
  void not_applied(ReloadReport report);
  /// What runs has other servers, which is no attempt to change it.
  void servers_changed(ActiveConfig config);

 private:
  void record(ReloadReport report);

  mutable std::mutex mutex_;
  Seen seen_;
};

}  // namespace aralez
