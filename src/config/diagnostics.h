#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace aralez {

enum class Severity : std::uint8_t { error, warning };

/// One mistake. `message` says what is wrong and what would be right; it never holds a secret.
struct Diagnostic {
  Severity severity = Severity::error;
  Source at;
  std::string key;  ///< the key the mistake belongs to; empty for the file as a whole
  std::string message;

  /// `file:line:column: key: message`, warnings marked as such, control bytes escaped.
  [[nodiscard]] std::string render() const;
};

/// Collects every mistake of every file, so that all are reported at once. Keeps the first kMost;
/// the rest is counted.
class Diagnostics {
 public:
  static constexpr std::size_t kMost = 500;

  void error(const Source& at, std::string_view key, std::string message);
  void warning(const Source& at, std::string_view key, std::string message);
  /// For what many places of a file may share: only the first one of each key is kept.
  void warning_once(const Source& at, std::string_view key, std::string message);

  [[nodiscard]] bool has_errors() const noexcept { return errors_ != 0; }
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return warnings_; }
  [[nodiscard]] bool empty() const noexcept { return errors_ + warnings_ == 0; }
  /// By file, line and column.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;
  /// One line each, in that order; empty when there is nothing to say.
  [[nodiscard]] std::string render() const;

 private:
  void add(Severity severity, const Source& at, std::string_view key, std::string message);

  std::vector<Diagnostic> list_;
  std::set<std::string, std::less<>> said_;  ///< keys of warning_once()
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace aralez
