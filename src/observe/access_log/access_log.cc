#include "observe/access_log/access_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace aralez {
namespace {

/// Lines are collected up to here before they are written.
constexpr std::size_t kBatch = 64 * 1024;
/// While requests come, the thread looks at their records by itself, so that no worker has to wake
/// it.
constexpr std::chrono::milliseconds kLook{50};
/// A worker that does not see yet that the thread sleeps does not wake it: this is what such a
/// record waits.
constexpr std::chrono::milliseconds kLongestSleep{1000};

/// What a pipe's reader may take to make room. Meanwhile the rings fill.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::seconds kReportEvery{1};

using Sizes = std::array<std::uint16_t, kAccessTexts>;

/// A record in the ring: this, then the texts.
struct RawRecord {
  AccessFacts facts;
  Sizes sizes;
  std::uint16_t cut;
  std::uint16_t absent;  ///< a bit for each text that is not there, which is not an empty one
};
static_assert(std::is_trivially_copyable_v<RawRecord>);

AccessRecord unpack(std::string_view bytes) {
  RawRecord raw;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  bytes.remove_prefix(sizeof raw);
  AccessRecord record{.facts = raw.facts, .cut = raw.cut};
  for (std::size_t i = 0; i < kAccessTexts; ++i) {
    if ((raw.absent >> i & 1U) != 0) continue;
    record.texts[i] = bytes.substr(0, raw.sizes[i]);
    bytes.remove_prefix(raw.sizes[i]);
  }
  return record;
}

}  // namespace

AccessChannel::AccessChannel(AccessLog& log, const AccessLogOptions& options)
    : log_(log),
      mode_(options.mode),
      texts_(options.format == AccessLogFormat::json ? kAccessTexts : kLineTexts),
      ring_(options.ring_bytes) {}

void AccessChannel::add(const AccessRecord& record) noexcept {
  RawRecord raw{.facts = record.facts, .sizes = {}, .cut = 0, .absent = 0};
  std::size_t size = sizeof raw;
  for (std::size_t i = 0; i < kAccessTexts; ++i) {
    const std::size_t n = i < texts_ ? record.texts[i].size() : 0;
    raw.sizes[i] = static_cast<std::uint16_t>(std::min<std::size_t>(n, kAccessTextLimits[i]));
    raw.cut |= static_cast<std::uint16_t>(unsigned{n > kAccessTextLimits[i]} << i);
    raw.absent |=
        static_cast<std::uint16_t>(unsigned{i >= texts_ || record.texts[i].data() == nullptr} << i);
    size += raw.sizes[i];
  }
  char* at = size <= ring_.max_record() ? ring_.reserve(size) : nullptr;
  if (!at) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  } else {
    std::memcpy(at, &raw, sizeof raw);
    at += sizeof raw;
    for (std::size_t i = 0; i < texts_; ++i) {
      if (raw.sizes[i] != 0) std::memcpy(at, record.texts[i].data(), raw.sizes[i]);
      at += raw.sizes[i];
    }
    ring_.commit();
  }
  const auto rest = log_.rest_.load(std::memory_order_relaxed);
  if (rest == AccessLog::Rest::asleep || (rest == AccessLog::Rest::dozing && ring_.half_full()))
    log_.wake();
}

std::expected<std::unique_ptr<AccessLog>, LogError> AccessLog::open(AccessLogOptions options,
                                                                    ServerLog& server_log) {
  std::optional<LogFile> file;
  if (options.file) {
    auto opened = LogFile::open(std::move(*options.file));
    if (!opened) return std::unexpected(std::move(opened.error()));
    file = std::move(*opened);
  }
  return std::unique_ptr<AccessLog>(new AccessLog(options, std::move(file), server_log));
}

AccessLog::AccessLog(const AccessLogOptions& options, std::optional<LogFile> file,
                     ServerLog& server_log)
    : server_log_(server_log), file_(std::move(file)), lines_(options.format) {
  for (std::size_t i = 0; i < options.writers; ++i)
    channels_.push_back(std::make_unique<AccessChannel>(*this, options));
  buffer_.reserve(2 * kBatch);
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AccessLog::reopen_later() {
  reopen_wanted_.store(true, std::memory_order_relaxed);
  wake();
}

std::uint64_t AccessLog::lost() const noexcept {
  std::uint64_t n = unwritten_.load(std::memory_order_relaxed) + server_log_.lost_lines();
  for (const auto& c : channels_) n += c->dropped_.load(std::memory_order_relaxed);
  return n;
}

void AccessLog::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    rest_.store(Rest::awake, std::memory_order_relaxed);
  }
  wake_.notify_one();
}

void AccessLog::sleep(Rest rest) {
  std::unique_lock lock(mutex_);
  rest_.store(rest, std::memory_order_relaxed);
  wake_.wait_for(lock, rest == Rest::dozing ? kLook : kLongestSleep,
                 [this] { return woken_ || ending_; });
  woken_ = false;
  rest_.store(Rest::awake, std::memory_order_relaxed);
}

void AccessLog::run() {
  while (true) {
    bool ending;
    {
      const std::lock_guard lock(mutex_);
      ending = ending_;
    }
    if (reopen_wanted_.exchange(false, std::memory_order_relaxed)) reopen();
    const bool busy = drain();
    if (ending) break;  // the workers have ended before: that was all
    report(std::chrono::steady_clock::now());
    sleep(busy ? Rest::dozing : Rest::asleep);
  }
  report(TimePoint::max());
}

bool AccessLog::drain() {
  const auto wall = std::chrono::system_clock::now();
  const auto steady = std::chrono::steady_clock::now();
  std::size_t records = 0;
  for (const auto& c : channels_)
    records += c->ring_.drain([&](std::string_view bytes) {
      const AccessRecord record = unpack(bytes);
      const auto ago = std::chrono::duration_cast<std::chrono::system_clock::duration>(
          steady - record.facts.ended);
      write(record, wall - ago);
    });
  flush();
  return records != 0;
}

void AccessLog::write(const AccessRecord& record, std::chrono::system_clock::time_point time) {
  lines_.append(buffer_, record, time);
  if (buffer_.size() >= kBatch) flush();
}

void AccessLog::flush() {
  if (buffer_.empty()) return;
  const auto lines = static_cast<std::size_t>(std::count(buffer_.begin(), buffer_.end(), '\n'));
  const auto patience = stuck_ ? std::chrono::milliseconds{0} : kPatience;
  std::size_t lost = 0;
  if (file_)
    lost = file_->append_lines(buffer_, [&](auto stalled) { return stalled < patience; });
  else if (!server_log_.offer_lines(buffer_, std::chrono::steady_clock::now() + patience))
    lost = lines;
  stuck_ = lost == lines;
  if (lost != 0) unwritten_.fetch_add(lost, std::memory_order_relaxed);
  buffer_.clear();
}

void AccessLog::report(TimePoint now) {
  const std::uint64_t all = lost();
  if (all == reported_ || now < report_after_) return;
  server_log_.write(LogLevel::warn, "aralez::observe",
                    fmt::format("{} lines of the access log were dropped: they came faster than "
                                "they could be written",
                                all - reported_));
  reported_ = all;
  if (now != TimePoint::max()) report_after_ = now + kReportEvery;
}

void AccessLog::reopen() {
  if (!file_) return;
  if (auto ok = file_->reopen(); !ok)
    server_log_.write(
        LogLevel::error, "aralez::observe",
        fmt::format("access log not reopened, the old file stays in use: {}", ok.error().what));
}

}  // namespace aralez
