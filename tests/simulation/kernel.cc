#include "kernel.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/socket_address.h"

namespace aralez::sim {
namespace {

Kernel* g_current = nullptr;

int fail_with(int err) {
  errno = err;
  return -1;
}

}  // namespace

void Connection::reset() {
  rst_in_ = true;
  transit_.clear();
}

std::string Connection::read(std::size_t max) {
  const std::string bytes = out_.substr(0, max);
  out_.erase(0, bytes.size());
  if (!bytes.empty() && refused_room_) {
    refused_room_ = false;
    edge_ = true;
  }
  return bytes;
}

std::uint32_t Connection::level() const {
  if (connect_ == Connect::pending) return 0;
  std::uint32_t e = 0;
  const bool dead = error_ != 0 || (rst_in_ && fin_arrived_);
  if (!queue_.empty() || fin_arrived_ || dead) e |= EPOLLIN;
  if (room() > 0 || dead) e |= EPOLLOUT;
  if (fin_arrived_) e |= EPOLLRDHUP;
  if (error_ != 0) e |= EPOLLERR;
  if (dead || (fin_arrived_ && fin_)) e |= EPOLLHUP;
  return e;
}

void Connection::take_reset() {
  error_ = fin_arrived_ ? EPIPE : ECONNRESET;
  fin_arrived_ = fin_ = true;
  rst_out_ = true;
  out_.clear();
  edge_ = true;
}

void Connection::arrive() {
  if (connect_ != Connect::done) return;
  if (!open_) {  // nobody is there any more
    if (!transit_.empty() && !rst_out_) {
      rst_out_ = true;
      out_.resize(kernel_.dice_.below(out_.size() + 1));
    }
    transit_.clear();
    return;
  }
  if (rst_in_) {
    if (!rst_out_) take_reset();
    return;
  }
  const std::size_t n = std::min({transit_.size(), kernel_.dice_.up_to(kernel_.segment_),
                                  kernel_.capacity_ - std::min(kernel_.capacity_, queue_.size())});
  queue_ += transit_.substr(0, n);
  transit_.erase(0, n);
  if (n > 0) edge_ = true;
  if (transit_.empty() && peer_fin_ && !fin_arrived_ && (n == 0 || kernel_.dice_.percent(50))) {
    fin_arrived_ = true;
    edge_ = true;
  }
}

bool Connection::moving() const {
  if (connect_ != Connect::done) return false;
  if (rst_in_) return !rst_out_;
  if (!transit_.empty()) return queue_.size() < kernel_.capacity_;
  return peer_fin_ && !fin_arrived_;
}

Kernel::Kernel(Dice& dice) : dice_(dice) {
  g_current = this;
}
Kernel::~Kernel() {
  g_current = nullptr;
}
Kernel* Kernel::current() {
  return g_current;
}

ConnectionPtr Kernel::make() {
  ConnectionPtr c(new Connection(*this));
  // Not a few bytes where messages are large: that takes more turns than a run has.
  c->capacity_ = std::max(dice_.up_to(capacity_), capacity_ / 64);
  return c;
}

ConnectionPtr Kernel::find(int fd) {
  const auto it = by_fd_.find(fd);
  return it == by_fd_.end() ? nullptr : it->second;
}

std::pair<int, ConnectionPtr> Kernel::dial() {
  const int fd = next_fd_++;
  return {fd, by_fd_.emplace(fd, make()).first->second};
}

void Kernel::move_bytes() {
  for (const auto& [fd, c] : by_fd_)
    if (!dice_.percent(25)) c->arrive();
  for (const auto& c : closed_) c->arrive();
  std::erase_if(closed_, [](const ConnectionPtr& c) { return c.use_count() == 1; });
}

bool Kernel::moving() const {
  return std::ranges::any_of(by_fd_, [](const auto& entry) { return entry.second->moving(); });
}

std::size_t Kernel::room(int fd) {
  return find(fd)->room();
}

int Kernel::sys_socket() {
  return dial().first;
}

int Kernel::sys_connect(int fd, const sockaddr* to) {
  const ConnectionPtr c = find(fd);
  const auto port = SocketAddress::from_raw(to, sizeof(sockaddr_in)).port();
  c->connect_ = Connection::Connect::pending;
  switch (on_connect(port, c)) {
    case Answer::accept:
      c->connect_ = Connection::Connect::done;
      c->edge_ = true;
      break;
    case Answer::refuse_now: return fail_with(ECONNREFUSED);
    case Answer::refuse_later:
      c->connect_ = Connection::Connect::refused;
      c->error_ = ECONNREFUSED;
      c->edge_ = true;
      break;
    case Answer::silence: break;
  }
  return fail_with(EINPROGRESS);
}

int Kernel::sys_setsockopt(int fd, int level, int name, const void* value) {
  if (level == SOL_SOCKET && name == SO_LINGER)
    find(fd)->abort_ = static_cast<const linger*>(value)->l_onoff != 0;
  return 0;
}

int Kernel::sys_getsockopt(int fd, int name, void* value) {
  if (name == SO_ERROR) *static_cast<int*>(value) = std::exchange(find(fd)->error_, 0);
  return 0;
}

ssize_t Kernel::sys_recv(int fd, void* to, std::size_t n, int flags) {
  const ConnectionPtr c = find(fd);
  if (!c) return fail_with(EBADF);
  const std::size_t got = std::min(n, c->queue_.size());
  if (got > 0) {
    std::copy_n(c->queue_.data(), got, static_cast<char*>(to));
    if (flags & MSG_PEEK) return static_cast<ssize_t>(got);
    c->queue_.erase(0, got);
    if (dice_.percent(10)) c->arrive();  // while the call was under way
    return static_cast<ssize_t>(got);
  }
  if (const int e = std::exchange(c->error_, 0); e != 0) return fail_with(e);
  return c->fin_arrived_ ? 0 : fail_with(EAGAIN);
}

ssize_t Kernel::sys_send(int fd, std::string_view bytes) {
  const ConnectionPtr c = find(fd);
  if (!c) return fail_with(EBADF);
  if (const int e = std::exchange(c->error_, 0); e != 0) return fail_with(e);
  if (c->fin_) return fail_with(EPIPE);
  const std::size_t n = std::min(bytes.size(), c->room());
  if (n < bytes.size()) c->refused_room_ = true;
  if (n == 0) return fail_with(EAGAIN);
  c->out_ += bytes.substr(0, n);
  return static_cast<ssize_t>(n);
}

int Kernel::sys_shutdown(int fd) {
  const ConnectionPtr c = find(fd);
  c->fin_ = c->edge_ = true;  // an end of our own is news as well
  return 0;
}

int Kernel::sys_close(int fd) {
  const ConnectionPtr c = find(fd);
  if (!c) return fail_with(EBADF);
  by_fd_.erase(fd);
  c->open_ = false;
  c->fin_ = true;
  if (c->abort_ || !c->queue_.empty()) {  // a reset overtakes what has not been read yet
    c->rst_out_ = true;
    c->out_.resize(dice_.below(c->out_.size() + 1));
  }
  closed_.push_back(c);
  return 0;
}

int Kernel::sys_epoll_ctl(int fd, epoll_event* event) {
  const ConnectionPtr c = find(fd);
  if (!c) return fail_with(EBADF);
  c->watcher_ = event ? event->data.ptr : nullptr;
  if (c->level() != 0) c->edge_ = true;
  return 0;
}

int Kernel::sys_epoll_wait(epoll_event* events, int max, int timeout) {
  std::vector<Connection*> ready;
  for (const auto& [fd, c] : by_fd_)
    if (c->watcher_ && c->edge_ && c->level() != 0) ready.push_back(c.get());
  for (std::size_t i = ready.size(); i > 1; --i) std::swap(ready[i - 1], ready[dice_.below(i)]);
  // Now and then some are left for the next turn.
  if (ready.size() > 1 && dice_.percent(20)) ready.resize(dice_.up_to(ready.size()));
  int n = 0;
  for (Connection* c : ready) {
    if (n == max) break;
    c->edge_ = false;
    events[n].events = c->level();
    events[n++].data.ptr = c->watcher_;
  }
  if (n == 0 && timeout > 0) now_ += std::min(Millis{timeout}, most_sleep_);
  return n;
}

}  // namespace aralez::sim
