#include "io/reactor.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/prefetch.h"

namespace aralez {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr Millis kIdleWait{60'000};

// With hundreds of connections nothing of the next one is in the cache. While the event at hand is
// handled, the object of the eighth behind it is fetched, and what the fourth refers to
// (docs/adr/0011).
constexpr int kFetchObject = 8;
constexpr int kFetchBehind = 4;
constexpr std::size_t kObjectBefore = 448;  // its codec, whichever role
constexpr std::size_t kObjectBehind = 160;

// So many events are handled before the work they put off is done: first their receives, then what
// came, then their sends. Each kind finds its code in the cache.
constexpr int kCohort = 64;

// A turn of so many events is that of a busy loop.
constexpr int kBusy = 16;

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
  const auto handler = [&](int i) {
    return static_cast<IoHandler*>(events[static_cast<std::size_t>(i)].data.ptr);
  };
  const auto fetch = [&](int i) { prefetch_around(handler(i), kObjectBefore, kObjectBehind); };
  for (int i = 0; i < std::min(n, kFetchObject); ++i) fetch(i);
  for (int i = 0; i < n; ++i) {
    if (i + kFetchObject < n) fetch(i + kFetchObject);
    if (i + kFetchBehind < n) handler(i + kFetchBehind)->expect_io();
    handler(i)->on_io(translate(events[static_cast<std::size_t>(i)].events));
    if ((i + 1) % kCohort == 0) run_deferred();
  }
  run_deferred();
  finish_turn(n >= kBusy ? Load::busy : Load::light);
}

}  // namespace aralez
