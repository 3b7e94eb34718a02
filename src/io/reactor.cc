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
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      now_(std::chrono::steady_clock::now()),
      timers_(now_) {
  [[maybe_unused]] const bool ok = watch(mailbox_.fd(), mail_handler_, Watch::listener);
}

Reactor::~Reactor() {
  while (!retired_.empty()) finish_turn();
}

bool Reactor::watch(int fd, IoHandler& handler, Watch kind) {
  epoll_event e{};
  e.events = kind == Watch::stream ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN;
  e.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) == 0;
}

void Reactor::unwatch(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Reactor::run() {
  while (!stopping_) turn(kIdleWait);
  finish_turn();
}

void Reactor::turn(Millis max_wait) {
  std::array<epoll_event, kEventsPerTurn> events;
  const Millis wait = std::min(max_wait, timers_.until_next(now_, max_wait));
  const int n = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, static_cast<int>(wait.count()));
  now_ = std::chrono::steady_clock::now();
  for (int i = 0; i < n; ++i) {
    const auto& e = events[static_cast<std::size_t>(i)];
    static_cast<IoHandler*>(e.data.ptr)->on_io(translate(e.events));
    run_deferred();
  }
  timers_.advance(now_);
  finish_turn();
}

void Reactor::run_deferred() {
  while (!deferred_.empty()) deferred_.pop_front().run();
}

void Reactor::finish_turn() {
  run_deferred();
  IntrusiveList<Deferred> last;
  turn_end_.splice_to(last);
  while (!last.empty()) {
    last.pop_front().run();
    run_deferred();
  }
  // Destructors may retire more; that waits for the next turn.
  std::vector<std::unique_ptr<Retired>> gone;
  gone.swap(retired_);
  gone.clear();
  if (retired_.empty()) retired_.swap(gone);  // keeps the capacity
}

}  // namespace aralez
