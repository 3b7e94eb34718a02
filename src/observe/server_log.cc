#include "observe/server_log.h"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>
#include <utility>

namespace aralez {
namespace {

/// `reopening` has its place among the others: what follows it belongs into the new file.
enum class Shape : std::uint8_t { record, lines, reopening };

/// In front of each record of the buffer; target and message follow.
struct RecordHead {
  std::chrono::system_clock::time_point time;
  std::size_t target_size;
  std::size_t message_size;
  LogLevel level;
  Shape shape;
};
static_assert(std::is_trivially_copyable_v<RecordHead>);

void append(std::string& to, const RecordHead& head, std::string_view target,
            std::string_view message) {
  char raw[sizeof head];
  std::memcpy(raw, &head, sizeof head);
  to.append(raw, sizeof raw).append(target).append(message);
}

}  // namespace

std::expected<std::unique_ptr<ServerLog>, LogError> ServerLog::open(ServerLogOptions options) {
  auto file = ServerLogFile::open(std::move(options.file));
  if (!file) return std::unexpected(std::move(file.error()));
  return std::unique_ptr<ServerLog>(new ServerLog(options, std::move(*file)));
}

ServerLog::ServerLog(const ServerLogOptions& options, ServerLogFile file)
    : level_(options.level),
      capacity_(options.capacity),
      end_grace_(options.end_grace),
      file_(std::move(file)),
      patience_([this](std::chrono::milliseconds) { return goes_on(); }) {
  waiting_.reserve(capacity_);
  thread_ = std::thread([this] { run(); });
}

ServerLog::~ServerLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    give_up_at_ = std::chrono::steady_clock::now() + end_grace_;
  }
  wake_.notify_one();
  thread_.join();
}

void ServerLog::write(LogLevel level, std::string_view target, std::string_view message) {
  if (!enabled(level)) return;
  const RecordHead head{.time = std::chrono::system_clock::now(),
                        .target_size = target.size(),
                        .message_size = message.size(),
                        .level = level,
                        .shape = Shape::record};
  const std::size_t room = level <= LogLevel::warn ? capacity_ : capacity_ - capacity_ / 8;
  const std::lock_guard lock(mutex_);
  const bool was_empty = waiting_.empty() && dropped_ == 0;
  if (waiting_.size() + sizeof head + target.size() + message.size() > room) {
    ++dropped_;
    lost_.fetch_add(1, std::memory_order_relaxed);
  } else {
    append(waiting_, head, target, message);
  }
  if (was_empty) wake_.notify_one();
}

bool ServerLog::offer_lines(std::string_view lines,
                            std::chrono::steady_clock::time_point deadline) {
  const RecordHead head{.time = {},
                        .target_size = 0,
                        .message_size = lines.size(),
                        .level = LogLevel::off,
                        .shape = Shape::lines};
  // The other half is for records.
  const auto fits = [&] { return waiting_.size() + sizeof head + lines.size() <= capacity_ / 2; };
  std::unique_lock lock(mutex_);
  if (!fits() && !room_.wait_until(lock, deadline, fits)) return false;
  append(waiting_, head, {}, lines);
  wake_.notify_one();
  return true;
}

void ServerLog::reopen_later() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(reopen_wanted_, true)) return;
  append(waiting_,
         {.time = {},
          .target_size = 0,
          .message_size = 0,
          .level = LogLevel::off,
          .shape = Shape::reopening},
         {}, {});
  wake_.notify_one();
}

void ServerLog::run() {
  std::string batch;
  batch.reserve(capacity_);
  std::unique_lock lock(mutex_);
  const auto nothing = [this] { return waiting_.empty() && dropped_ == 0; };
  while (true) {
    wake_.wait(lock, [&] { return ending_ || !nothing(); });
    if (nothing()) return;
    batch.clear();
    batch.swap(waiting_);
    unreported_ += std::exchange(dropped_, 0);
    reopen_wanted_ = false;
    room_.notify_all();
    lock.unlock();
    write_batch(batch);
    report();
    lock.lock();
  }
}

/// What comes meanwhile waits in the buffer.
bool ServerLog::goes_on() {
  const std::lock_guard lock(mutex_);
  return !ending_ || std::chrono::steady_clock::now() < give_up_at_;
}

void ServerLog::write_batch(std::string_view batch) {
  while (!batch.empty()) {
    RecordHead head;
    std::memcpy(&head, batch.data(), sizeof head);
    batch.remove_prefix(sizeof head);
    const auto target = batch.substr(0, head.target_size);
    const auto message = batch.substr(head.target_size, head.message_size);
    batch.remove_prefix(head.target_size + head.message_size);
    if (head.shape == Shape::reopening) {
      reopen();
    } else if (head.shape == Shape::lines) {
      lost_lines_.fetch_add(file_.append_lines(message, patience_), std::memory_order_relaxed);
    } else if (!file_.write(head.time, head.level, target, message, patience_)) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      ++unreported_;
    }
  }
}

void ServerLog::report() {
  if (unreported_ == 0 || !enabled(LogLevel::warn)) return;
  const auto text = fmt::format(
      "{} records of the server log were dropped: they came faster than they could be written",
      unreported_);
  if (file_.write(std::chrono::system_clock::now(), LogLevel::warn, "aralez::observe", text,
                  patience_))
    unreported_ = 0;
}

void ServerLog::reopen() {
  if (auto ok = file_.reopen(); !ok)
    write(LogLevel::error, "aralez::server",
          fmt::format("not reopened, the old file stays in use: {}", ok.error().what));
}

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::off: return "off";
    case LogLevel::error: return "error";
    case LogLevel::warn: return "warn";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
    case LogLevel::trace: return "trace";
  }
  return "off";
}

}  // namespace aralez
