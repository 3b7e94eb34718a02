#include "control/health/checker.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>

#include "control/health/preface.h"
#include "control/health/schedule.h"
#include "control/health/transfer.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::control::health";
/// The process was stopped, or the machine: what has timed out meanwhile says nothing of servers.
constexpr Millis kStalled{1'000};
constexpr Millis kLongestWait{60'000};

std::string_view what_is_asked(const HealthCheckSpec& spec) {
  return spec.kind == HealthCheckSpec::Kind::grpc ? std::string_view("gRPC") : spec.method;
}

std::string how_long(std::chrono::nanoseconds time) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
}

TimePoint clock_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

/// All of it belongs to the thread but what stands behind the mutex.
class HealthChecker::Loop {
 public:
  explicit Loop(Logger& logger)
      : logger_(logger), share_(curl_share_init()), multi_(curl_multi_init()) {
    if (share_) curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    if (multi_) curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, 0L);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    thread_.request_stop();
    if (multi_) curl_multi_wakeup(multi_.get());
    if (thread_.joinable()) thread_.join();
    for (auto& [job, run] : runs_)
      if (run.transfer) curl_multi_remove_handle(multi_.get(), run.transfer->handle());
  }

  void start() {
    if (!multi_ || !share_) {
      logger_.write(LogLevel::error, kTarget, "no health checks: out of memory");
      return;
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void watch(std::vector<std::shared_ptr<HealthState>> wanted) {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = std::move(wanted);
    }
    if (multi_) curl_multi_wakeup(multi_.get());
  }

 private:
  /// A check under way: one of the two is there.
  struct Run {
    TimePoint deadline{};
    std::unique_ptr<Transfer> transfer;
    std::optional<Preface> preface;
    TimePoint preface_ends{};
    std::optional<SocketAddress> peer;  ///< of the latest transfer
  };

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      now_ = clock_now();
      const TimePoint turn = now_;
      take_wanted();
      while (CheckJob* job = schedule_.take(now_)) begin(*job);
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      now_ = clock_now();
      if (now_ > turn + kStalled) stalled_ = true;
      read_results();
      advance_prefaces();
      wait();
    }
  }

  void take_wanted() {
    std::optional<std::vector<std::shared_ptr<HealthState>>> wanted;
    {
      const std::lock_guard lock(mutex_);
      wanted.swap(wanted_);
    }
    if (wanted) schedule_.replace(*wanted, now_);
  }

  void begin(CheckJob& job) {
    const HealthState& state = *job.state;
    const Millis time = state.spec().timeout;
    Run& run = runs_[&job];
    run.deadline = now_ + time;
    perform(job, run, job.probe.begin(state.endpoint()->totals().protocol, time));
  }

  void perform(CheckJob& job, Run& run, const ProbeStep& step) {
    if (step.ask == ProbeStep::Ask::greeting) return greet(job, run, step);
    run.transfer = take_spare();
    CURL* const handle = run.transfer->handle();
    if (run.transfer->prepare(job.state->target(), job.state->spec(), step, share_.get()) &&
        curl_easy_setopt(handle, CURLOPT_PRIVATE, &job) == CURLE_OK &&
        curl_multi_add_handle(multi_.get(), handle) == CURLM_OK)
      return;
    run.transfer.reset();
    go_on(job, {.kind = ProbeOutcome::Kind::ours, .error = "out of memory"});
  }

  void greet(CheckJob& job, Run& run, const ProbeStep& step) {
    if (!run.peer)
      return go_on(job, {.kind = ProbeOutcome::Kind::no_answer, .error = "no address"});
    run.preface.emplace(*run.peer);
    run.preface_ends = now_ + step.time;
  }

  void read_results() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      const CURLcode code = message->data.result;
      CheckJob* job = nullptr;
      curl_easy_getinfo(handle, CURLINFO_PRIVATE, &job);
      Run& run = runs_.at(job);
      ProbeOutcome outcome = run.transfer->outcome(code);
      if (const auto peer = run.transfer->peer()) run.peer = peer;
      curl_multi_remove_handle(multi_.get(), handle);
      give_back(std::move(run.transfer));
      go_on(*job, outcome);
    }
  }

  void advance_prefaces() {
    std::vector<std::pair<CheckJob*, ProbeOutcome>> over;
    for (auto& [job, run] : runs_) {
      if (!run.preface) continue;
      auto outcome = run.preface->advance();
      if (!outcome && now_ >= run.preface_ends)
        outcome = {.kind = ProbeOutcome::Kind::too_slow, .error = "does not answer by HTTP/2"};
      if (outcome) over.emplace_back(job, std::move(*outcome));
    }
    for (auto& [job, outcome] : over) {
      runs_.at(job).preface.reset();
      go_on(*job, outcome);
    }
  }

  void go_on(CheckJob& job, const ProbeOutcome& outcome) {
    Run& run = runs_.at(&job);
    const ProbeOutcome seen = stalled_ && outcome.kind != ProbeOutcome::Kind::answered
                                  ? ProbeOutcome{.kind = ProbeOutcome::Kind::ours, .error = {}}
                                  : outcome;
    const auto left = std::chrono::floor<Millis>(run.deadline - now_);
    if (const auto step = job.probe.next(seen, left)) return perform(job, run, *step);
    runs_.erase(&job);
    conclude(job);
  }

  void conclude(CheckJob& job) {
    const HealthState& state = *job.state;
    const Probe& probe = job.probe;
    const bool wanted = job.place != CheckJob::Place::orphaned;
    if (wanted && probe.reached()) state.endpoint()->reached(job.began);
    if (probe.verdict() == Probe::Verdict::none)
      say_trouble(state, probe.error());
    else if (wanted)
      note(job);
    schedule_.done(job, now_);
  }

  void note(CheckJob& job) {
    HealthState& state = *job.state;
    in_trouble_ = false;
    if (const auto change = state.note(job.began, now_, job.probe.error()))
      say(state, *change, job.probe.error());
  }

  void say(const HealthState& state, const HealthState::Change& change, const std::string& error) {
    const bool first = change.from == Health::unknown;
    const LogLevel level = change.to == Health::down ? LogLevel::warn
                           : first                   ? LogLevel::debug
                                                     : LogLevel::info;
    if (!logger_.enabled(level)) return;
    const HealthCheckSpec& spec = state.spec();
    const bool grpc = spec.kind == HealthCheckSpec::Kind::grpc;
    std::string text = fmt::format("{} is {}", state.endpoint()->name(), name_of(change.to));
    if (change.to == Health::down) text += ": " + error;
    text += fmt::format(" (check {} {}", what_is_asked(spec), grpc ? spec.service : spec.path);
    if (!first)
      text += fmt::format(", was {} for {}", name_of(change.from), how_long(change.after));
    logger_.write(level, kTarget, text + ')');
  }

  void say_trouble(const HealthState& state, const std::string& error) {
    if (error.empty() || std::exchange(in_trouble_, true)) return;
    logger_.write(LogLevel::warn, kTarget,
                  fmt::format("{} cannot be checked, nor perhaps others; verdicts stay: {}",
                              state.endpoint()->name(), error));
  }

  /// Until something happens: on a socket, in time, or in another thread.
  void wait() {
    TimePoint until = now_ + kLongestWait;
    if (const auto due = schedule_.next_due()) until = std::min(until, *due);
    std::vector<curl_waitfd> sockets;
    for (auto& [job, run] : runs_) {
      if (!run.preface) continue;
      until = std::min(until, run.preface_ends);
      const bool out = run.preface->events() == POLLOUT;
      sockets.push_back({.fd = run.preface->fd(),
                         .events = static_cast<short>(out ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN),
                         .revents = 0});
    }
    const auto time = std::max(std::chrono::ceil<Millis>(until - now_), Millis(0));
    curl_multi_poll(multi_.get(), sockets.data(), static_cast<unsigned>(sockets.size()),
                    static_cast<int>(time.count()), nullptr);
    stalled_ = clock_now() > now_ + time + kStalled;
  }

  [[nodiscard]] std::unique_ptr<Transfer> take_spare() {
    if (spare_.empty()) return std::make_unique<Transfer>();
    auto t = std::move(spare_.back());
    spare_.pop_back();
    return t;
  }
  void give_back(std::unique_ptr<Transfer> transfer) {
    constexpr std::size_t kSpare = 16;
    if (spare_.size() < kSpare) spare_.push_back(std::move(transfer));
  }

  Logger& logger_;
  SharePtr share_;
  std::vector<std::unique_ptr<Transfer>> spare_;
  MultiPtr multi_;
  CheckSchedule schedule_{std::random_device()()};
  std::unordered_map<CheckJob*, Run> runs_;
  TimePoint now_{};
  bool stalled_ = false;
  bool in_trouble_ = false;
  std::mutex mutex_;
  std::optional<std::vector<std::shared_ptr<HealthState>>> wanted_;  ///< guarded by mutex_
  std::jthread thread_;
};

HealthChecker::HealthChecker(Logger& logger) {
  init_curl();
  loop_ = std::make_unique<Loop>(logger);
}

HealthChecker::~HealthChecker() = default;

void HealthChecker::start() {
  loop_->start();
}

void HealthChecker::watch(const Snapshot& snapshot) {
  std::vector<std::shared_ptr<HealthState>> wanted;
  for (const ClusterSpec& cluster : snapshot.clusters)
    for (const EndpointSpec& endpoint : cluster.endpoints)
      if (endpoint.health) wanted.push_back(endpoint.health);
  loop_->watch(std::move(wanted));
}

}  // namespace aralez
