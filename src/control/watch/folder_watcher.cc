#include "control/watch/folder_watcher.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <filesystem>
#include <system_error>
#include <utility>

#include "control/watch/fingerprint.h"
#include "tls/random.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::control::watch";

WatchSpec absolute(WatchSpec spec) {
  const auto make = [](std::string& path) {
    std::error_code error;
    auto full = std::filesystem::absolute(path, error);
    if (!error) path = std::move(full).native();
  };
  for (auto& file : spec.files) make(file);
  for (auto& folder : spec.folders) make(folder.path);
  return spec;
}

}  // namespace

FolderWatcher::FolderWatcher(WatchSpec spec, Logger& logger, Callback callback,
                             WatchOptions options)
    : spec_(absolute(std::move(spec))),
      logger_(logger),
      callback_(std::move(callback)),
      options_(options),
      key_(random_value<std::uint64_t>()),
      set_(spec_),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      last_(fingerprint(spec_, key_)) {}

FolderWatcher::~FolderWatcher() = default;

void FolderWatcher::start() {
  assert(!thread_.joinable());
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void FolderWatcher::poke() {
  poked_.store(true);
  wake();
}

void FolderWatcher::wake() const {
  (void)::eventfd_write(wake_.get(), 1);
}

void FolderWatcher::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (!stop.stop_requested()) {
    report_blindness();
    wait();
    const TimePoint now = std::chrono::steady_clock::now();
    if (set_.drain() || differs_at_a_glance(now)) {
      if (!first_event_) first_event_ = now;
      last_event_ = now;
    }
    if (stop.stop_requested()) return;
    if (poked_.exchange(false))
      check(Asked::yes);
    else if (const auto when = due(); when && *when <= now)
      check(Asked::no);
  }
}

std::optional<TimePoint> FolderWatcher::due() const {
  if (!first_event_) return std::nullopt;
  if (set_.being_written())
    return std::min(last_event_ + options_.unfinished_quiet,
                    *first_event_ + options_.unfinished_max_delay);
  return std::min(last_event_ + options_.quiet, *first_event_ + options_.max_delay);
}

void FolderWatcher::wait() const {
  auto until = due();
  if (set_.blind() != 0 || !wake_) until = std::min(until.value_or(next_glance_), next_glance_);
  int timeout = -1;
  if (until) {
    const auto left = std::chrono::ceil<Millis>(*until - std::chrono::steady_clock::now());
    timeout = static_cast<int>(std::clamp<Millis::rep>(left.count(), 0, 60'000));
  }
  std::array<pollfd, 2> fds{{{set_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  (void)::poll(fds.data(), fds.size(), timeout);
  eventfd_t ignored = 0;
  if (fds[1].revents != 0) (void)::eventfd_read(wake_.get(), &ignored);
}

bool FolderWatcher::differs_at_a_glance(TimePoint now) {
  if (now < next_glance_) return false;
  next_glance_ = now + options_.poll;
  if (set_.blind() == 0) return false;
  const std::optional<std::uint64_t> seen = glance(spec_, key_);
  return std::exchange(last_glance_, seen) != seen;
}

void FolderWatcher::check(Asked asked) {
  first_event_.reset();
  set_.resolve();  // before the files are read, so that what changes meanwhile is an event
  const std::uint64_t seen = fingerprint(spec_, key_);
  checks_.fetch_add(1, std::memory_order_release);
  const WatchReport report{.changed = seen != last_, .poked = asked == Asked::yes};
  last_ = seen;
  if (report.changed || report.poked) callback_(report);
}

void FolderWatcher::report_blindness() {
  const int blind = set_.blind();
  if (blind == std::exchange(reported_blind_, blind) || blind == 0) return;
  logger_.write(
      LogLevel::warn, kTarget,
      fmt::format(
          "cannot watch all configuration folders for changes ({}): looking every {} ms instead",
          std::generic_category().message(blind), options_.poll.count()));
}

}  // namespace aralez
