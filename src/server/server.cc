#include "server/server.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <csignal>
#include <iostream>

#include "control/reload/reloader.h"
#include "control/watch/folder_watcher.h"
#include "observe/server_log.h"
#include "server/data_plane.h"
#include "server/explain.h"
#include "server/registry.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::server";

std::uint64_t random_key() {
  std::uint64_t key = 0;
  if (::getrandom(&key, sizeof key, 0) != sizeof key)
    key = static_cast<std::uint64_t>(::getpid()) * 0x9e3779b97f4a7c15ULL;
  return key;
}

/// Prints every mistake; true when there is none that stops us.
bool acceptable(const Diagnostics& diagnostics) {
  if (!diagnostics.empty()) std::cerr << diagnostics.render() << std::flush;
  return !diagnostics.has_errors();
}

}  // namespace

int run(const Options& options) {
  Diagnostics diagnostics;
  const auto main = load_main(options.conf, diagnostics);
  if (!main) {
    acceptable(diagnostics);
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (int s : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto log = ServerLog::open({.level = main->log_level, .file = {.path = main->log_file.path}});
  if (!log) {
    std::cerr << log.error().what << '\n';
    return 1;
  }
  Logger& logger = **log;
  const std::uint64_t key = random_key();
  Reloader reloader({.main = *main,
                     .make_chain = make_chain,
                     .files = nullptr,
                     .logger = logger,
                     .hash_key = key});
  auto first = reloader.load_first(diagnostics);
  if (!acceptable(diagnostics) || !first) return 1;
  if (options.action == Options::Action::explain) {
    std::cout << explain(options.explain, *main, *first);
    return 0;
  }
  DataPlane plane(*main, logger, key);
  FolderWatcher watcher({.files = {main->upstreams_conf}}, logger, [&](WatchReport r) {
    reloader.reload(r.poked ? Reloader::Cause::asked : Reloader::Cause::changed,
                    [&](std::shared_ptr<const Snapshot> s) { plane.publish(s); });
  });
  if (auto ok = plane.listen(); !ok) {
    std::cerr << ok.error().what << '\n';
    return 1;
  }
  plane.start(first);
  watcher.start();
  while (true) {
    const int sig = ::sigwaitinfo(&signals, nullptr);
    if (sig == SIGHUP) watcher.poke();
    if (sig == SIGINT) return 0;
    if (sig == SIGTERM || sig == SIGQUIT) {
      plane.drain();
      static_cast<void>(plane.wait_until(std::chrono::steady_clock::now() + main->grace_period));
      return 0;
    }
  }
}

}  // namespace aralez
