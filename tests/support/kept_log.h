#pragma once

#include <mutex>
#include <string>

#include "base/log.h"

namespace aralez::testing {

/// Keeps all that is logged, a line each, whatever thread it comes from.
class KeptLog final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    text_.append(message).append("\n");
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace aralez::testing
