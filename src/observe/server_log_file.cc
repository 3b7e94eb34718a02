#include "observe/server_log_file.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

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

struct ServerLogFile::State {
  explicit State(LogFile f) : file(std::move(f)) {
    formatter.add_flag<LevelFlag>('*').set_pattern("%Y-%m-%d %H:%M:%S %* %n - %v");
  }

  LogFile file;
  spdlog::pattern_formatter formatter{spdlog::pattern_time_type::local, "\n"};
  std::string message;  // kept for its memory, like the next
  spdlog::memory_buf_t record;
};

ServerLogFile::ServerLogFile(LogFile file) : state_(std::make_unique<State>(std::move(file))) {}
ServerLogFile::ServerLogFile(ServerLogFile&&) noexcept = default;
ServerLogFile& ServerLogFile::operator=(ServerLogFile&&) noexcept = default;
ServerLogFile::~ServerLogFile() = default;

std::expected<ServerLogFile, LogError> ServerLogFile::open(LogFileOptions options) {
  // Not by its name: a socket, which is what systemd gives us there, cannot be opened again.
  if (options.path.empty() || options.path == "/dev/stdout")
    return ServerLogFile(LogFile::standard_output());
  auto file = LogFile::open(std::move(options));
  if (!file) return std::unexpected(std::move(file.error()));
  return ServerLogFile(std::move(*file));
}

bool ServerLogFile::write(std::chrono::system_clock::time_point time, LogLevel level,
                          std::string_view target, std::string_view message,
                          const Patience& patience) {
  State& s = *state_;
  s.message.clear();
  s.record.clear();
  append_record(s.message, message);
  s.formatter.format(
      spdlog::details::log_msg(time, spdlog::source_loc{}, {target.data(), target.size()},
                               to_spdlog(level), s.message),
      s.record);
  return s.file.append({s.record.data(), s.record.size()}, patience);
}

std::size_t ServerLogFile::append_lines(std::string_view lines, const Patience& patience) {
  return state_->file.append_lines(lines, patience);
}

std::expected<void, LogError> ServerLogFile::reopen() {
  return state_->file.reopen();
}

}  // namespace aralez
