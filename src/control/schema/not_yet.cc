#include "control/schema/not_yet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace aralez {
namespace {

constexpr unsigned bit(ConfigBlock block) {
  return 1U << static_cast<unsigned>(block);
}
constexpr unsigned kMain = bit(ConfigBlock::main);
constexpr unsigned kTop = bit(ConfigBlock::upstreams);
constexpr unsigned kPath = bit(ConfigBlock::path);

struct NotYet {
  std::string_view key;
  unsigned blocks;
  std::string_view instead;     ///< what happens; completes "has no effect in this version: "
  std::string_view quiet = {};  ///< this value asks for what happens anyway
};

constexpr std::string_view kNoUpgrade = "sockets are not handed over to another process";
constexpr std::string_view kNoPools = "each worker does its own connecting";

/// Not here: `version` and the internal keys (`proxy_port`, `proxy_port_tls`, `local_server`),
/// which never meant anything.
constexpr auto kTable = std::to_array<NotYet>({
    {"upstream_debug_ssl_keylog", kMain, "TLS secrets are not written to a file", "false"},
    {"cache_size_mb", kMain, "responses are not cached", "0"},
    {"cache_ttl", kMain, "responses are not cached"},
    {"upgrade_sock", kMain, kNoUpgrade},
    {"upgrade_sock_connect_accept_max_retries", kMain, kNoUpgrade},
    {"user", kMain, "write runuser and rungroup"},
    {"group", kMain, "write runuser and rungroup"},
    {"graceful_shutdown_timeout_seconds", kMain,
     "grace_period_seconds alone says how long a stop may take"},
    {"client_bind_to_ipv4", kMain, "the kernel picks the source address", "[]"},
    {"client_bind_to_ipv6", kMain, "the kernel picks the source address", "[]"},
    {"work_stealing", kMain, "a connection stays with its worker", "false"},
    {"listener_tasks_per_fd", kMain, "each worker accepts for itself"},
    {"upstream_connect_offload_threadpools", kMain, kNoPools},
    {"upstream_connect_offload_thread_per_pool", kMain, kNoPools},
    {"working_directory", kMain, "paths are relative to the directory of the start"},
    {"max_blocking_threads", kMain, "there are no such threads"},
    {"blocking_threads_ttl_seconds", kMain, "there are no such threads"},
    {"daemon_wait_for_ready", kMain, "the start of a daemon always waits", "true"},
    {"daemon_ready_timeout_seconds", kMain, "the start of a daemon waits as long as it takes"},
    {"daemon_notify_timeout_seconds", kMain, "the start of a daemon waits as long as it takes"},
    {"proxy_port", kMain, "proxy_address_http has the port"},
    {"proxy_port_tls", kMain, "proxy_address_tls has the port"},
    {"local_server", kMain, "file_server_address says it"},
    {"globals", kTop, "nothing reads it"},
});

bool is_quiet(const Node& value, std::string_view quiet) {
  if (value.is_null()) return true;
  if (quiet == "[]") return value.is_sequence() && value.items().empty();
  return !quiet.empty() && value.is_scalar() && lower(value.text()) == quiet;
}

std::string message(std::string_view instead) {
  return fmt::format("has no effect in this version: {}", instead);
}

}  // namespace

void warn_not_yet(const Node& map, ConfigBlock block, Diagnostics& diagnostics) {
  for (const Node::Member& member : map.members()) {
    const auto* const found = std::find_if(kTable.begin(), kTable.end(), [&](const NotYet& entry) {
      return (entry.blocks & bit(block)) != 0 && entry.key == member.key;
    });
    if (found != kTable.end() && !is_quiet(*member.value, found->quiet))
      diagnostics.warning_once(map.source(member), found->key, message(found->instead));
  }
}

}  // namespace aralez
