#include "control/keys/key_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/file.h"
#include "control/fetch/fetcher.h"

namespace aralez {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kFilePeriod{2};
constexpr seconds kUrlPeriod{300};
constexpr seconds kMaxBackoff{60};
/// Between two looks that tokens ask for: anybody can make one with an unknown key.
constexpr seconds kWishPeriod{5};
constexpr seconds kFirstWait{5};
constexpr seconds kImpatience{60};
constexpr milliseconds kTick{500};

std::expected<std::string, std::string> fetch(const KeyPlace& place, const std::stop_token& stop) {
  auto answer = Fetcher().ask(
      {.url = place.text, .ca_file = place.ca_file, .max_bytes = kMaxKeySetBytes}, stop);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->status != 200)
    return std::unexpected(fmt::format("the answer has status {}", answer->status));
  return std::move(answer->body);
}

std::expected<std::string, std::string> read(const KeyPlace& place, const std::stop_token& stop) {
  if (place.kind == KeyPlace::Kind::url) return fetch(place, stop);
  FileText file = read_text_file(place.text, kMaxKeySetBytes, FileRule::regular);
  if (file.status != FileText::Status::ok) return std::unexpected(std::move(file.reason));
  return std::move(file.text);
}

KeySet fixed_keys(const KeyPlace& place) {
  KeySet keys;
  if (place.kind == KeyPlace::Kind::keys) {
    if (auto parsed = parse_keys(place.text)) keys = std::move(*parsed);
  } else if (!place.text.empty()) {
    keys.push_back(TokenKey::secret(place.text));
  }
  return keys;
}

bool is_fixed(const KeyPlace& place) {
  return place.kind == KeyPlace::Kind::secret || place.kind == KeyPlace::Kind::keys;
}

}  // namespace

KeyStore::~KeyStore() {
  thread_.request_stop();  // wakes it, and ends a transfer
}

void KeyStore::start() {
  const std::lock_guard lock(mutex_);
  started_ = true;
}

std::shared_ptr<KeySource> KeyStore::source(const KeyPlace& place) {
  std::unique_lock lock(mutex_);
  forget_unused();
  Entry& entry = entries_[place];
  if (auto known = entry.source.lock()) return known;
  std::shared_ptr<KeySource> made;
  if (is_fixed(place)) {
    made = std::make_shared<KeySource>(fixed_keys(place));
    entry.source = made;
    return made;
  }
  made = std::make_shared<KeySource>();
  entry = Entry{.source = made};
  if (place.kind == KeyPlace::Kind::file) take(place, entry, read(place, {}));
  if (!started_) return made;
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_all();
  // One that does not answer is enough: many of them must not add up.
  if (place.kind == KeyPlace::Kind::url && Clock::now() >= impatient_until_ &&
      !changed_.wait_for(lock, kFirstWait, [&entry] { return entry.tries > 0; }))
    impatient_until_ = Clock::now() + kImpatience;
  return made;
}

void KeyStore::forget_unused() {
  std::erase_if(entries_, [this](const auto& item) {
    return &item.first != busy_ && item.second.source.expired();
  });
}

void KeyStore::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    forget_unused();
    const auto at = next_due(Clock::now());
    if (at != entries_.end())
      refresh(lock, at, stop);
    else
      changed_.wait_for(lock, stop, kTick,
                        [this] { return next_due(Clock::now()) != entries_.end(); });
  }
}

KeyStore::Entries::iterator KeyStore::next_due(Clock::time_point now) {
  return std::find_if(entries_.begin(), entries_.end(), [now](const auto& item) {
    const auto& [place, entry] = item;
    const auto source = entry.source.lock();
    if (is_fixed(place) || !source) return false;
    return entry.due <= now || (source->is_wanted() && entry.last_try + kWishPeriod <= now);
  });
}

void KeyStore::refresh(std::unique_lock<std::mutex>& lock, Entries::iterator at,
                       const std::stop_token& stop) {
  const KeyPlace& place = at->first;
  Entry& entry = at->second;
  busy_ = &place;
  lock.unlock();
  auto text = read(place, stop);
  lock.lock();
  busy_ = nullptr;
  if (stop.stop_requested()) return;
  take(place, entry, std::move(text));
  changed_.notify_all();
}

void KeyStore::take(const KeyPlace& place, Entry& entry,
                    std::expected<std::string, std::string> text) {
  const auto say = [this](LogLevel level, const std::string& message) {
    logger_.write(level, "aralez::control::keys", message);
  };
  const auto now = Clock::now();
  const auto source = entry.source.lock();
  entry.last_try = now;
  ++entry.tries;
  if (!source) return;
  source->clear_wish();
  std::string why;
  if (!text) {
    why = text.error();
  } else if (*text != entry.text) {
    if (auto keys = parse_keys(*text)) {
      say(LogLevel::info, fmt::format("{}: {} keys for tokens", place.text, keys->size()));
      source->publish(std::make_shared<const KeySet>(std::move(*keys)));
      entry.text = std::move(*text);
    } else {
      why = keys.error();
    }
  }
  const seconds period = place.kind == KeyPlace::Kind::file ? kFilePeriod : kUrlPeriod;
  if (why.empty()) {
    if (entry.failures > 0) say(LogLevel::info, place.text + ": keys for tokens are there again");
    entry.failures = 0;
    entry.due = now + period;
    return;
  }
  if (entry.failures == 0)
    say(LogLevel::warn,
        fmt::format("{}: no keys for tokens: {}; {}", place.text, why,
                    source->keys() ? "the last ones stay in use" : "its routes answer 503"));
  ++entry.failures;
  entry.due =
      now + std::min({period, kMaxBackoff, seconds(1) * (1 << std::min(entry.failures, 6))});
}

}  // namespace aralez
