#include "control/top/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace aralez::top {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

/// What a terminal does not take is lost: there is nobody else to tell.
void write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string_view look_of(Line::Look look) {
  switch (look) {
    case Line::Look::title: return "\x1b[1m";
    case Line::Look::bad: return "\x1b[31m";
    case Line::Look::plain: break;
  }
  return "";
}

}  // namespace

bool Terminal::available() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

Size Terminal::size() {
  winsize w{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 || w.ws_row == 0) return {};
  return {.columns = w.ws_col, .rows = w.ws_row};
}

Terminal::Terminal() {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_out(kEnter);
}

Terminal::~Terminal() {
  write_out(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void Terminal::show(std::span<const Line> lines) {
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out += "\r\n";
    out.append(look_of(lines[i].look)).append(lines[i].text).append("\x1b[0m\x1b[K");
  }
  out += "\x1b[J";
  write_out(out);
}

}  // namespace aralez::top
