#pragma once

#include <termios.h>

#include <span>

#include "control/top/frame.h"

namespace aralez::top {

/// The terminal on standard input and output for as long as this lives: another screen, no cursor,
/// keys without a line end. The destructor puts everything back.
class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] static bool available();
  [[nodiscard]] static Size size();
  void show(std::span<const Line> lines);

 private:
  termios before_{};
};

}  // namespace aralez::top
