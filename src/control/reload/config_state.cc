#include "control/reload/config_state.h"

#include <utility>

namespace aralez {
namespace {

constexpr std::size_t kMostMessages = 64 * 1024;  // bytes

}  // namespace

std::string_view to_string(ConfigOrigin origin) noexcept {
  switch (origin) {
    case ConfigOrigin::start: return "start";
    case ConfigOrigin::file: return "file";
    case ConfigOrigin::signal: return "signal";
    case ConfigOrigin::api: return "api";
    case ConfigOrigin::discovery: break;
  }
  return "discovery";
}

std::string_view to_string(ReloadResult result) noexcept {
  switch (result) {
    case ReloadResult::applied: return "applied";
    case ReloadResult::unchanged: return "unchanged";
    case ReloadResult::refused: break;
  }
  return "refused";
}

ConfigState::Seen ConfigState::read() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void ConfigState::applied(ActiveConfig config, std::string messages) {
  const auto active = std::make_shared<const ActiveConfig>(std::move(config));
  const std::lock_guard lock(mutex_);
  seen_.active = active;
  record({.origin = active->origin,
          .result = ReloadResult::applied,
          .at = active->since,
          .messages = std::move(messages)});
}

void ConfigState::not_applied(ReloadReport report) {
  const std::lock_guard lock(mutex_);
  record(std::move(report));
}

void ConfigState::servers_changed(ActiveConfig config) {
  auto active = std::make_shared<const ActiveConfig>(std::move(config));
  const std::lock_guard lock(mutex_);
  seen_.active.swap(active);
}

void ConfigState::record(ReloadReport report) {
  if (report.messages.size() > kMostMessages)
    report.messages.resize(report.messages.rfind('\n', kMostMessages) + 1);
  ++seen_.attempts[std::to_underlying(report.result)];
  seen_.last = std::move(report);
}

}  // namespace aralez
