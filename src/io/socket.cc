#include "io/socket.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/syscalls.h"

namespace aralez {
namespace {

Error error_of(int err) {
  switch (err) {
    case ECONNREFUSED: return {Errc::refused, Origin::upstream, "connection refused"};
    case ETIMEDOUT: return {Errc::timeout, Origin::upstream, "connection timed out"};
    case EHOSTUNREACH:
    case ENETUNREACH: return {Errc::refused, Origin::upstream, "host unreachable"};
    case EPIPE:
    case ECONNRESET: return {Errc::reset, Origin::upstream, "connection reset"};
    default: return {Errc::system, Origin::internal, "socket error"};
  }
}

}  // namespace

bool Socket::adopt(UniqueFd fd) {
  fd_ = std::move(fd);
  return reactor_.watch(fd_.get(), *this, Watch::stream);
}

Result<void> Socket::connect(const SocketAddress& to, const SocketAddress* bind_to) {
  UniqueFd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::limit, Origin::internal, "no descriptor for an upstream connection");
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind_to && ::bind(fd.get(), bind_to->raw(), bind_to->length()) != 0)
    return fail(Errc::config, Origin::internal, "client_bind_to address cannot be used");
  if (::connect(fd.get(), to.raw(), to.length()) != 0 && errno != EINPROGRESS)
    return std::unexpected(error_of(errno));
  // Even a connect that is through already completes by event: registering reports it.
  connect_ = Connect::pending;
  writable_ = false;
  if (!adopt(std::move(fd))) return fail(Errc::system, Origin::internal, "epoll_ctl failed");
  return {};
}

void Socket::on_io(std::uint32_t what) {
  if (!fd_) return;
  if (what & ready::kRead) readable_ = true;
  if (what & ready::kPeerEnd) peer_end_ = true;
  if (what & ready::kBroken) broken_ = true;
  if (connect_ == Connect::pending) {
    if (what & (ready::kWrite | ready::kBroken)) finish_connect();
    return;
  }
  if ((what & ready::kWrite) && !writable_) {
    writable_ = true;
    if (out_bytes_ > 0 || fin_ == Fin::queued) flush();
    if (!fd_) return;
  }
  if (receiving_ && readable_)
    begin_receive();
  else if (broken_)
    look_for_error();
}

/// For when nobody is reading, so that nobody else would find out. What is still to be read, an end
/// included, comes first: a server may reset after a whole answer that is waited with.
void Socket::look_for_error() {
  broken_ = false;
  std::byte b;
  if (::recv(fd_.get(), &b, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN) broken(errno);
}

void Socket::finish_connect() {
  int err = 0;
  socklen_t len = sizeof err;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &err, &len);
  connect_ = Connect::done;
  if (err != 0) return broken(err);
  writable_ = true;
  events_->on_connected();
  if (!fd_) return;
  if (out_bytes_ > 0) flush_later();
  if (receiving_ && readable_) reactor_.defer(receive_);
}

void Socket::start_recv() {
  if (receiving_) return;
  receiving_ = true;
  if (readable_ && fd_ && connect_ == Connect::done) reactor_.defer(receive_);
}

void Socket::splice_into(SplicePipe* pipe, std::size_t limit) {
  pipe_ = pipe;
  splice_left_ = pipe ? limit : 0;
}

bool Socket::input_waiting() {
  if (!fd_) return false;
  if (fresh_) return true;
  if (!readable_) return false;  // the usual case: the last receive emptied the queue
  std::byte b;
  const ssize_t n = ::recv(fd_.get(), &b, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) readable_ = false;
  return readable_;
}

void Socket::begin_receive() {
  if (receive_.pending()) return;
  if (pipe_) return receive();
  fresh_ = take_bytes();
  if (fresh_) reactor_.defer(receive_);
}

void Socket::receive() {
  // Leaves only when an edge will say more, or with itself put off: whatever an event has changed.
  for (int i = 0;; ++i) {
    if (std::exchange(fresh_, false)) events_->on_received();
    if (!fd_) return;
    if (!receiving_ && broken_) return look_for_error();
    if (!receiving_ || !readable_) return;
    // More is waiting, but others want their turn.
    if (i == kReceivesPerTurn) return reactor_.defer_to_turn_end(receive_);
    if (pipe_)
      splice_once();
    else
      fresh_ = take_bytes();
  }
}

/// True when bytes came.
bool Socket::take_bytes() {
  ReadBuffer& in = events_->recv_buffer();
  const auto room = in.space(reactor_.blocks());
  const ssize_t n = sys::recv(fd_.get(), room);
  if (n > 0) {
    // A short read means the queue was empty: the next byte makes a new edge. Only an announced end
    // needs another look.
    if (static_cast<std::size_t>(n) < room.size() && !peer_end_) readable_ = false;
    in.commit(static_cast<std::size_t>(n));
    return true;
  }
  in.release_if_unused();
  if (n == 0) {
    readable_ = receiving_ = false;
    events_->on_recv_end();
    return false;
  }
  readable_ = false;
  if (errno != EAGAIN && errno != EINTR) broken(errno);
  return false;
}

void Socket::splice_once() {
  const std::size_t room =
      std::min(splice_left_, pipe_->capacity() - std::min(pipe_->capacity(), pipe_->level()));
  if (room == 0) {
    receiving_ = false;
    return;
  }
  const ssize_t n = ::splice(fd_.get(), nullptr, pipe_->write_fd(), nullptr, room,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    pipe_->filled(static_cast<std::size_t>(n));
    splice_left_ -= static_cast<std::size_t>(n);
    // A pipe counts pages, not bytes: a short splice says nothing about the socket.
    return events_->on_spliced(static_cast<std::size_t>(n));
  }
  if (n == 0) {
    readable_ = receiving_ = false;
    return events_->on_recv_end();
  }
  if (errno == EAGAIN) {
    // Either the socket is empty or the pipe has no page left. The latter is over when it is
    // drained.
    if (pipe_->level() == 0)
      readable_ = false;
    else
      receiving_ = false;
    if (!receiving_) events_->on_spliced(0);
    return;
  }
  broken(errno);
}

std::span<std::byte> Socket::output_space(std::size_t n) {
  if (!tail_ || tail_->capacity - tail_end_ < n) {
    seal_tail();
    tail_ = reactor_.blocks().take_sized(n);
    tail_begin_ = tail_end_ = 0;
  }
  return tail_.bytes().subspan(tail_end_);
}

void Socket::commit_output(std::size_t n) {
  tail_end_ += static_cast<std::uint32_t>(n);
  out_bytes_ += n;
  flush_later();
}

void Socket::seal_tail() {
  if (tail_begin_ == tail_end_) return;
  const auto bytes = tail_.bytes().subspan(tail_begin_, tail_end_ - tail_begin_);
  out_.push_back(Piece(Slice(tail_, bytes)).with_credit(std::exchange(tail_credit_, 0)));
  tail_begin_ = tail_end_;
}

void Socket::queue(Piece piece) {
  if (piece.size() == 0) return;
  const bool small = piece.kind() == Piece::Kind::memory && piece.size() < kCopyBelow;
  if (small && tail_begin_ != tail_end_ && tail_->capacity - tail_end_ >= piece.size()) {
    tail_credit_ += piece.credit();
    queue_copy(piece.slice().text());
    return;
  }
  seal_tail();
  out_bytes_ += piece.size();
  out_.push_back(std::move(piece));
  flush_later();
}

void Socket::flush() {
  if (!fd_ || connect_ == Connect::pending) return;
  std::uint64_t credit = 0;
  while (out_bytes_ > 0 && writable_) {
    const bool only_tail = out_bytes_ == tail_end_ - tail_begin_;
    if (!only_tail) seal_tail();
    const std::int64_t n = only_tail ? send_tail(credit) : send_some();
    if (n < 0) return broken(static_cast<int>(-n));
    if (!only_tail && n > 0) credit += drop_sent(static_cast<std::uint64_t>(n));
  }
  if (out_bytes_ == 0) {
    tail_.reset();
    tail_begin_ = tail_end_ = 0;
    if (fin_ == Fin::queued) {
      fin_ = Fin::sent;
      ::shutdown(fd_.get(), SHUT_WR);
    }
  }
  events_->on_sent(credit, out_bytes_ == 0);
}

/// What send calls have in common: a short write fills the kernel's queue. Negative: an errno.
std::int64_t Socket::refused(std::int64_t n, std::uint64_t wanted) {
  if (n < 0) {
    if (errno == EINTR) return 0;
    if (errno != EAGAIN) return -errno;
    writable_ = false;
    return 0;
  }
  if (static_cast<std::uint64_t>(n) < wanted) writable_ = false;
  return n;
}

/// The steady case: everything queued lies in the tail.
std::int64_t Socket::send_tail(std::uint64_t& credit) {
  const std::size_t wanted = tail_end_ - tail_begin_;
  const auto bytes = tail_.bytes().subspan(tail_begin_, wanted);
  const std::int64_t n = refused(sys::send(fd_.get(), bytes), wanted);
  if (n <= 0) return n;
  tail_begin_ += static_cast<std::uint32_t>(n);
  out_bytes_ -= static_cast<std::uint64_t>(n);
  if (tail_begin_ == tail_end_) credit += std::exchange(tail_credit_, 0);
  return n;
}

std::int64_t Socket::send_some() {
  Piece& first = out_.front();
  const std::uint64_t size = first.size();
  if (first.kind() == Piece::Kind::file) {
    auto offset = static_cast<off_t>(first.offset());
    const ssize_t n = ::sendfile(fd_.get(), first.kernel()->fd(), &offset, size);
    if (n == 0) return -EPIPE;  // the file became shorter than announced
    return refused(n, 0);
  }
  if (first.kind() == Piece::Kind::pipe) {
    const unsigned more = out_.count() > 1 ? SPLICE_F_MORE : 0;
    const ssize_t n = ::splice(first.kernel()->fd(), nullptr, fd_.get(), nullptr, size,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK | more);
    if (n > 0) first.kernel()->consumed(static_cast<std::size_t>(n));
    return refused(n, 0);
  }
  std::array<iovec, 32> iov;
  msghdr msg{};
  std::uint64_t wanted = 0;
  std::size_t k = 0;
  for (; k < iov.size() && k < out_.count() && out_[k].kind() == Piece::Kind::memory; ++k) {
    const auto b = out_[k].slice().bytes();
    iov[k] = {const_cast<std::byte*>(b.data()), b.size()};
    wanted += b.size();
  }
  msg.msg_iov = iov.data();
  msg.msg_iovlen = k;
  const int more = k < out_.count() ? MSG_MORE : 0;  // a file or a pipe follows
  return refused(::sendmsg(fd_.get(), &msg, MSG_NOSIGNAL | more), wanted);
}

std::uint64_t Socket::drop_sent(std::uint64_t n) {
  std::uint64_t credit = 0;
  out_bytes_ -= n;
  while (n > 0) {
    Piece& p = out_.front();
    if (n < p.size()) {
      p.remove_prefix(n);
      // Large pieces settle as they go, small ones when they are through.
      if (p.kind() != Piece::Kind::memory || p.credit() > p.size()) {
        const std::uint64_t settled = std::min(n, p.credit());
        credit += settled;
        p.with_credit(p.credit() - settled);
      }
      return credit;
    }
    n -= p.size();
    credit += p.credit();
    out_.pop_front();
  }
  return credit;
}

void Socket::shutdown_write() {
  if (fin_ != Fin::none) return;
  fin_ = Fin::queued;
  flush_later();
}

void Socket::close(CloseMode mode) {
  if (!fd_) return;
  if (mode == CloseMode::abort) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  fd_.reset();
  flush_.cancel();
  receive_.cancel();
  fresh_ = false;
  out_.clear();
  tail_.reset();
  tail_begin_ = tail_end_ = 0;
  tail_credit_ = 0;
  pipe_ = nullptr;
  out_bytes_ = 0;
}

void Socket::close_saying(std::span<const std::byte> last) {
  if (fd_ && writable_ && out_bytes_ == 0 && fin_ == Fin::none)
    static_cast<void>(sys::send(fd_.get(), last));
  close(CloseMode::normal);
}

void Socket::broken(int err) {
  close(CloseMode::normal);
  events_->on_broken(error_of(err));
}

}  // namespace aralez
