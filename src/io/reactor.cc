#include "io/reactor.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace aralez {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr Millis kIdleWait{60'000};

std::uint32_t translate(std::uint32_t e) noexcept {
  std::uint32_t what = 0;
  if (e & EPOLLIN) what |= ready::kRead;
  if (e & EPOLLOUT) what |= ready::kWrite;
  if (e & EPOLLRDHUP) what |= ready::kRead | ready::kPeerEnd;
  if (e & (EPOLLERR | EPOLLHUP)) what |= ready::kRead | ready::kWrite | ready::kBroken;
  return what;
}

}  // namespace

Reactor::Reactor()
    : Loop(std::chrono::steady_clock::now()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  [[maybe_unused]] const bool ok = watch(mailbox_.fd(), mail_handler_, Watch::listener);
}

bool Reactor::watch(int fd, IoHandler& handler, Watch kind) {
  epoll_event e{};
  e.events = kind == Watch::stream ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN;
  e.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) == 0;
}

void Reactor::unwatch(int fd) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Reactor::run() {
  while (!stopping_) turn(kIdleWait);
  finish_turn();
}

void Reactor::turn(Millis max_wait) {
  std::array<epoll_event, kEventsPerTurn> events;
  const Millis wait =
      has_work() ? Millis{0} : std::min(max_wait, timers().until_next(now(), max_wait));
  const int n =
      ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, static_cast<int>(wait.count()));
  set_now(std::chrono::steady_clock::now());
  for (int i = 0; i < n; ++i) {
    const auto& e = events[static_cast<std::size_t>(i)];
    static_cast<IoHandler*>(e.data.ptr)->on_io(translate(e.events));
    run_deferred();
  }
  finish_turn();
}

}  // namespace aralez
