#include "cluster/name_log.h"

#include <fmt/format.h>

#include <string>

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::cluster::names";

std::string list(std::span<const SocketAddress> addresses) {
  std::string out;
  for (const auto& a : addresses) out.append(out.empty() ? "" : ", ").append(a.ip());
  return out;
}

LogLevel level_of(NameChange change) {
  switch (change) {
    case NameChange::kept:
    case NameChange::unknown: return LogLevel::warn;
    case NameChange::found:
    case NameChange::recovered: return LogLevel::info;
    case NameChange::changed: return LogLevel::debug;  // some servers give others each time
    case NameChange::none: break;
  }
  return LogLevel::trace;
}

std::string text_of(const NameReport& r) {
  switch (r.change) {
    case NameChange::found: return fmt::format("{} resolves to {}", r.name, list(r.addresses));
    case NameChange::recovered:
      return fmt::format("{} resolves again, to {}", r.name, list(r.addresses));
    case NameChange::changed:
      return fmt::format("{} now resolves to {}", r.name, list(r.addresses));
    case NameChange::kept:
      return fmt::format("{} does not resolve any more: {}; still using {}", r.name, r.error->what,
                         list(r.addresses));
    case NameChange::unknown: return fmt::format("{} does not resolve: {}", r.name, r.error->what);
    case NameChange::none: break;
  }
  return {};
}

}  // namespace

void NameLog::on_lookup(const NameReport& report) {
  counters_.add(Counter::name_lookups);
  if (report.error) counters_.add(Counter::name_lookups_failed);
  if (report.change == NameChange::none) return;
  const LogLevel level = level_of(report.change);
  if (logger_.enabled(level)) logger_.write(level, kTarget, text_of(report));
}

}  // namespace aralez
