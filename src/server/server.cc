#include "server/server.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>

#include "admin/admin_service.h"
#include "admin/challenge_responder.h"
#include "cluster/endpoint_registry.h"
#include "control/build/own_routes.h"
#include "control/discovery/known_file.h"
#include "control/health/checker.h"
#include "control/process/daemon.h"
#include "control/process/pid_file.h"
#include "control/process/privileges.h"
#include "control/process/service_manager.h"
#include "control/process/signals.h"
#include "control/reload/reloader.h"
#include "control/watch/folder_watcher.h"
#include "files/file_responder.h"
#include "server/check_start.h"
#include "server/data_plane.h"
#include "server/explain.h"
#include "server/listener_certificates.h"
#include "server/logs.h"
#include "server/registry.h"
#include "server/status_source.h"
#include "tls/random.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::server";
constexpr int kFailed = 1;

/// Prints every mistake; true when there is none that stops us.
bool acceptable(const Diagnostics& diagnostics) {
  if (!diagnostics.empty()) std::cerr << diagnostics.render() << std::flush;
  return !diagnostics.has_errors();
}

int failed(std::string_view what) {
  std::cerr << "aralez: " << what << std::endl;
  return kFailed;
}

bool is_daemon(const Options& options, const MainConfig& main) {
  return options.daemon || main.daemon;
}

/// -t: every file is read, nothing is opened for writing or started.
int test(const Options& options, const MainConfig& main, Diagnostics& diagnostics) {
  const auto loaded = load_upstreams(main.upstreams_conf, diagnostics);
  warn_of_own_routes(loaded.config, main, diagnostics);
  check_certificates(main, diagnostics);
  check_start(main, is_daemon(options, main) ? StartAs::daemon : StartAs::foreground, diagnostics);
  if (!acceptable(diagnostics)) return kFailed;
  std::cout << "Server Test passed, exiting" << std::endl;
  return 0;
}

std::shared_ptr<const Responder> files_of(const MainConfig& main) {
  if (!main.file_server_address || main.file_server_folder.empty()) return nullptr;
  return std::make_shared<FileResponder>(main.file_server_folder);
}

/// From the snapshot to the last signal. One per process.
class Server {
 public:
  Server(const MainConfig& main, Logs& logs, SignalWaiter& signals)
      : main_(main),
        logs_(logs),
        logger_(logs.server()),
        signals_(signals),
        hash_key_(random_value<std::uint64_t>()),
        routes_(main.threads),
        features_(main, logs.server()),
        endpoints_(main.threads),
        orders_(orders_setup()),
        admin_(std::make_shared<AdminService>(admin_services())),
        reloader_({.main = main,
                   .make_chain = [this](const RouteConfig& r) { return features_.make_chain(r); },
                   .make_registry = make_registry,
                   .files = files_of(main),
                   .admin = admin_,
                   .challenge_responder = std::make_shared<ChallengeResponder>(challenges_),
                   .challenges = challenges_,
                   .series = &routes_,
                   .logger = logger_,
                   .state = config_,
                   .hash_key = hash_key_,
                   .endpoints = &endpoints_,
                   .known_file = known_file_in(main.state_folder())}),
        certificates_(main, logger_),
        plane_(main, logs.server(), {.routes = routes_, .access_log = logs.access()}, hash_key_),
        checker_(logger_) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Jobs of requests come back to workers.
  ~Server() {
    orders_.stop();
    reloader_.stop();
    plane_.join();
    features_.stop();
    admin_->stop();
  }

  int explain_request(const std::string& request) {
    if (request.find("://") == std::string::npos)
      return failed("--explain takes a request such as 'GET http://host/path'");
    Diagnostics diagnostics;
    const auto first = reloader_.load_first(diagnostics);
    if (!acceptable(diagnostics) || !first) return kFailed;
    std::cout << explain(request, main_, *first, ask_servers) << std::flush;
    return 0;
  }

  /// `starting` is held by a daemon until it serves.
  int serve(std::optional<DaemonStart> starting) {
    features_.start();
    FolderWatcher watcher(watched(), logger_, [this](WatchReport r) { reload(r); });
    std::optional<FolderWatcher> certificate_watcher;
    if (certificates_.needed())
      certificate_watcher.emplace(certificates_.watched(), logger_,
                                  [this](WatchReport) { reload_certificates(); });
    // Who orders certificates for it is another user then.
    if (certificates_.make_folder() && !main_.runuser.name.empty())
      if (auto ok = give_to(main_.certificate_folder(), main_.runuser.name, main_.rungroup.name);
          !ok)
        logger_.write(LogLevel::warn, kTarget, ok.error().what);
    const auto certificates = certificates_.load_first(std::time(nullptr));
    if (!certificates) return failed("no TLS context can be made");
    Diagnostics diagnostics;
    const auto first = reloader_.load_first(diagnostics);
    if (!acceptable(diagnostics) || !first) return kFailed;
    if (auto ok = plane_.listen(); !ok) return failed(ok.error().what);
    auto pid_file = PidFile::write(main_.pid_file.path);
    if (!pid_file) return failed(pid_file.error().what);
    if (!main_.runuser.name.empty()) {
      if (auto ok = drop_privileges(main_.runuser.name, main_.rungroup.name); !ok)
        return failed(ok.error().what);
    }
    plane_.start(first, *certificates);
    checker_.watch(*first);
    checker_.start();
    reloader_.start([this](const std::shared_ptr<const Snapshot>& next) { publish(next); });
    watcher.start();
    if (certificate_watcher) certificate_watcher->start();
    orders_.start();
    if (starting) starting->ready();
    if (auto ok = notify_ready(); !ok) logger_.write(LogLevel::warn, kTarget, ok.error().what);
    return until_told(watcher, certificate_watcher);
  }

 private:
  [[nodiscard]] WatchSpec watched() const {
    return {.files = {main_.upstreams_conf},
            .folders = {{.path = conf_d_of(main_.upstreams_conf), .endings = {".yaml"}}}};
  }

  void publish(const std::shared_ptr<const Snapshot>& next) {
    plane_.publish(next);
    checker_.watch(*next);
  }

  /// Any thread but a worker.
  void reload_certificates() {
    const std::lock_guard lock(certificates_mutex_);
    plane_.publish(certificates_.load(std::time(nullptr)));
  }

  [[nodiscard]] CertificateOrders::Setup orders_setup() {
    const std::string folder = main_.certificate_folder();
    return {
        .ca = main_.acme,
        .state_folder = main_.state_folder(),
        .certificate_folder =
            folder.empty() ? (std::filesystem::path(main_.state_folder()) / "certificates").string()
                           : folder,
        .other_state_folder = std::filesystem::path(main_.upstreams_conf).parent_path().string(),
        .logger = logger_,
        .challenges = challenges_,
        .on_certificate = [this] {
          reload_certificates();
          plane_.settle(std::chrono::steady_clock::now() + kMostSettling);
        }};
  }

  void reload(WatchReport r) {
    reloader_.reload(r.poked ? Reloader::Cause::asked : Reloader::Cause::changed);
  }

  [[nodiscard]] AdminServices admin_services() {
    return {.access = {.master_key = main_.master_key, .names = main_.config_host_names},
            .throttle = features_.api_key_throttle(),
            .config_api_enabled = main_.config_api_enabled,
            .config = config_,
            .read_status =
                [this] {
                  return read_status({.config = config_,
                                      .plane = plane_,
                                      .routes = routes_,
                                      .certificates = certificates_,
                                      .orders = orders_,
                                      .logs = logs_,
                                      .workers = main_.threads,
                                      .started = started_});
                },
            .submit = [this](std::string text,
                             Reloader::Save save) { return submit(std::move(text), save); },
            .create_account = [this] { return orders_.create_account(); },
            .order_certificate = [this](std::string_view name) { return orders_.order(name); },
            .challenges = challenges_};
  }

  /// Returns when it has reached the workers, so that whoever pushed it meets it.
  std::expected<void, std::string> submit(std::string text, Reloader::Save save) {
    auto result = reloader_.submit(std::move(text), save);
    if (result) plane_.settle(std::chrono::steady_clock::now() + kMostSettling);
    return result;
  }

  /// Behaviour section 15.4.
  int until_told(FolderWatcher& watcher, std::optional<FolderWatcher>& certificate_watcher) {
    auto told = signals_.wait();
    for (; told == ProcessSignal::hangup; told = signals_.wait()) {
      logs_.reopen();
      watcher.poke();
      if (certificate_watcher) certificate_watcher->poke();
      orders_.poke();
    }
    reloader_.hurry();
    orders_.stop();
    return told == ProcessSignal::interrupt ? 0 : drain();
  }

  /// Lets requests end; an INT meanwhile ends at once.
  int drain() {
    constexpr Millis kLook{50};
    logger_.write(LogLevel::info, kTarget,
                  "draining: no new connections, requests under way go on");
    plane_.drain();
    const TimePoint deadline = std::chrono::steady_clock::now() + main_.grace_period;
    while (!plane_.wait_until(std::min(deadline, std::chrono::steady_clock::now() + kLook))) {
      const auto signal = signals_.wait_for(Millis{0});
      if (signal == ProcessSignal::interrupt) break;
      if (signal == ProcessSignal::hangup) logs_.reopen();
      if (std::chrono::steady_clock::now() < deadline) continue;
      logger_.write(LogLevel::warn, kTarget, "grace period is over: requests under way are cut");
      break;
    }
    return 0;
  }

  static constexpr Millis kMostSettling{2000};  // a worker at its end takes nothing any more

  const MainConfig& main_;
  Logs& logs_;
  Logger& logger_;
  SignalWaiter& signals_;
  const std::uint64_t hash_key_;
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  RouteSeries routes_;
  ConfigState config_;
  Features features_;
  EndpointRegistry endpoints_;
  const std::shared_ptr<ChallengeTable> challenges_ = std::make_shared<ChallengeTable>();
  CertificateOrders orders_;
  std::shared_ptr<AdminService> admin_;
  Reloader reloader_;
  std::mutex certificates_mutex_;  ///< one loads them
  ListenerCertificates certificates_;
  DataPlane plane_;
  HealthChecker checker_;
};

/// Daemon or not; threads come after this.
int start(const Options& options, const MainConfig& main) {
  std::optional<DaemonStart> starting;
  if (options.action == Options::Action::run && is_daemon(options, main)) {
    auto daemon = daemonize({.error_log = main.error_log.path});
    if (!daemon) return failed(daemon.error().what);
    starting = std::move(*daemon);
  }
  SignalWaiter signals;
  const bool run = options.action == Options::Action::run;
  const auto logs = Logs::open(main, run ? Logs::Mode::serve : Logs::Mode::quiet);
  if (!logs) return failed(logs.error().what);
  if (run) {
    if (auto limit = raise_fd_limit(); !limit)
      (*logs)->server().write(LogLevel::warn, kTarget, limit.error().what);
  }
  Server server(main, **logs, signals);
  return run ? server.serve(std::move(starting)) : server.explain_request(options.explain);
}

}  // namespace

int run(const Options& options) {
  Diagnostics diagnostics;
  auto main = load_main(options.conf, diagnostics);
  if (!main) {
    // All mistakes of all files at once.
    const NamedFiles named = files_named_in(options.conf);
    if (!named.upstreams_conf.empty())
      static_cast<void>(load_upstreams(named.upstreams_conf, diagnostics));
    static_cast<void>(check_certificates(named.certificate_folder, BadPairs::refuse, diagnostics));
    acceptable(diagnostics);
    return kFailed;
  }
  if (const char* key = std::getenv("JWT_KEY")) main->master_key = main->jwt_key = key;
  if (options.upgrade)
    std::cerr << "aralez: -u has no effect in this version: sockets are not handed over"
              << std::endl;
  if (options.action == Options::Action::test) return test(options, *main, diagnostics);
  // With a TLS listener, whoever loads the certificates says what is wrong with them.
  if (options.action == Options::Action::run && !main->proxy_address_tls)
    check_certificates(main->certificate_folder(), BadPairs::warn, diagnostics);
  if (!acceptable(diagnostics)) return kFailed;
  return start(options, *main);
}

}  // namespace aralez
