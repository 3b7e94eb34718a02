#include "observe/server_log.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <mutex>

#include "observe/log_text.h"

namespace aralez {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::off: return spdlog::level::off;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::trace: return spdlog::level::trace;
  }
  return spdlog::level::off;
}

/// The level as the line shape wants it: upper case, and WARN rather than WARNING.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&,
              spdlog::memory_buf_t& dest) override {
    const std::string_view text = name(msg.level);
    dest.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelFlag>();
  }

 private:
  static std::string_view name(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::err: return "ERROR";
      case spdlog::level::warn: return "WARN";
      case spdlog::level::info: return "INFO";
      case spdlog::level::debug: return "DEBUG";
      default: return "TRACE";
    }
  }
};

}  // namespace

struct ServerLog::State {
  explicit State(LogFile f) : file(std::move(f)) {
    formatter.add_flag<LevelFlag>('*').set_pattern("%Y-%m-%d %H:%M:%S %* %n - %v");
  }

  std::mutex mutex;
  LogFile file;
  spdlog::pattern_formatter formatter{spdlog::pattern_time_type::local, "\n"};
  std::string message;  // kept for its memory, like the next
  spdlog::memory_buf_t record;
};

ServerLog::ServerLog(LogLevel level, LogFile file)
    : level_(level), state_(std::make_unique<State>(std::move(file))) {}

ServerLog::~ServerLog() = default;

std::expected<std::unique_ptr<ServerLog>, LogError> ServerLog::open(ServerLogOptions options) {
  // Not by its name: a socket, which is what systemd gives us there, cannot be opened again.
  if (options.file.path.empty() || options.file.path == "/dev/stdout")
    return std::unique_ptr<ServerLog>(new ServerLog(options.level, LogFile::standard_output()));
  auto file = LogFile::open(std::move(options.file));
  if (!file) return std::unexpected(std::move(file.error()));
  return std::unique_ptr<ServerLog>(new ServerLog(options.level, std::move(*file)));
}

bool ServerLog::enabled(LogLevel level) const {
  return level != LogLevel::off && level <= level_;
}

void ServerLog::write(LogLevel level, std::string_view target, std::string_view message) {
  write_at(std::chrono::system_clock::now(), level, target, message);
}

void ServerLog::write_at(std::chrono::system_clock::time_point time, LogLevel level,
                         std::string_view target, std::string_view message) {
  if (!enabled(level)) return;
  const std::lock_guard lock(state_->mutex);
  State& s = *state_;
  s.message.clear();
  s.record.clear();
  append_record(s.message, message);
  s.formatter.format(
      spdlog::details::log_msg(time, spdlog::source_loc{}, {target.data(), target.size()},
                               to_spdlog(level), s.message),
      s.record);
  if (!s.file.append({s.record.data(), s.record.size()}))
    lost_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t ServerLog::append_lines(std::string_view lines) {
  const std::lock_guard lock(state_->mutex);
  return state_->file.append_lines(lines);
}

std::expected<void, LogError> ServerLog::reopen() {
  const std::lock_guard lock(state_->mutex);
  return state_->file.reopen();
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
