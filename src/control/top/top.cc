#include "control/top/top.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>
#include <limits>
#include <optional>
#include <thread>

#include "base/unique_fd.h"
#include "control/top/source.h"
#include "control/top/terminal.h"

namespace aralez::top {
namespace {

constexpr Size kText{.columns = 120, .rows = std::numeric_limits<std::size_t>::max()};

int print_once(Source& source, std::chrono::milliseconds interval) {
  const auto first = source.look();
  if (!first) {
    std::cerr << "aralez top: " << first.error() << std::endl;
    return 1;
  }
  std::this_thread::sleep_for(interval);
  const auto second = source.look();
  if (!second) {
    std::cerr << "aralez top: " << second.error() << std::endl;
    return 1;
  }
  for (const Line& line : draw(*second, &*first, source.base(), kText))
    std::cout << line.text << '\n';
  std::cout << std::flush;
  return 0;
}

/// Signals as something to wait for beside keys, so that the terminal is put back whatever ends us.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) sigaddset(&set, s);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// 0: none.
  [[nodiscard]] int next() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                : 0;
  }

 private:
  UniqueFd fd_;
};

enum class Next : std::uint8_t { look, redraw, end };

Next wait(const Signals& signals, std::chrono::steady_clock::time_point until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {signals.fd(), POLLIN, 0}}};
  const int n =
      ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  if (n <= 0) return Next::look;
  if (fds[1].revents != 0) {
    const int number = signals.next();
    return number == SIGWINCH || number == SIGTSTP ? Next::redraw : Next::end;
  }
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1) return Next::end;
  return key == 'q' || key == 'Q' || key == 4 ? Next::end : Next::redraw;  // 4: Ctrl-D
}

int watch(Source& source, std::chrono::milliseconds interval) {
  const Signals signals;
  Terminal terminal;
  std::optional<Figures> before;
  std::optional<Figures> now;
  std::string trouble;
  while (true) {
    const auto until = std::chrono::steady_clock::now() + interval;
    if (auto seen = source.look()) {
      before = std::move(now);
      now = std::move(*seen);
      trouble.clear();
    } else {
      trouble = std::move(seen.error());
    }
    Next next = Next::redraw;
    while (next == Next::redraw) {
      std::vector<Line> lines;
      const Size size = Terminal::size();
      if (now) lines = draw(*now, before ? &*before : nullptr, source.base(), size);
      if (!trouble.empty()) {
        lines.resize(std::min(lines.size(), size.rows - 1));
        lines.insert(lines.begin(), {trouble.substr(0, size.columns), Line::Look::bad});
      }
      terminal.show(lines);
      next = wait(signals, until);
    }
    if (next == Next::end) return 0;
  }
}

}  // namespace

int run_top(const TopOptions& options) {
  Source source(options.base, options.key);
  if (options.once || !Terminal::available()) return print_once(source, options.interval);
  return watch(source, options.interval);
}

}  // namespace aralez::top
