#pragma once

#include <cstdint>
#include <string_view>

namespace aralez {

enum class LogLevel : std::uint8_t { off, error, warn, info, debug, trace };

/// Sink of the server log. Passed by reference to whoever has something to say; implemented in
/// observe/. Safe to call from any thread. Not for the per-request path: that is what counters and
/// the access log are for.
class Logger {
 public:
  virtual ~Logger() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  /// `target` names the emitter as a path, for example "aralez::control::reload". One call is one
  /// record, which may span lines. Control bytes other than line ends are escaped by the sink.
  virtual void write(LogLevel level, std::string_view target, std::string_view message) = 0;
};

/// Throws everything away: for tests.
class NullLogger final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, std::string_view) override {}
};

}  // namespace aralez
