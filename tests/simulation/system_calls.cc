// Linked with --wrap: every call of these in the program comes here, and goes on to the real one
// unless it is about a descriptor of the simulated kernel.

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdarg>

#include "kernel.h"

using aralez::sim::Kernel;

namespace {

bool simulated(int fd) {
  return Kernel::current() && fd >= Kernel::kFirstFd;
}

}  // namespace

extern "C" {

int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const sockaddr* to, socklen_t length);
int __real_setsockopt(int fd, int level, int name, const void* value, socklen_t length);
int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* length);
ssize_t __real_recv(int fd, void* to, std::size_t n, int flags);
ssize_t __real_send(int fd, const void* from, std::size_t n, int flags);
long __real_syscall(long number, ...);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __real_splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t n,
                      unsigned flags);
int __real_shutdown(int fd, int how);
int __real_close(int fd);
int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int __real_epoll_wait(int epoll, epoll_event* events, int max, int timeout);
std::chrono::steady_clock::time_point __real__ZNSt6chrono3_V212steady_clock3nowEv();

int __wrap_socket(int family, int type, int protocol) {
  if (Kernel* k = Kernel::current()) return k->sys_socket();
  return __real_socket(family, type, protocol);
}
int __wrap_connect(int fd, const sockaddr* to, socklen_t length) {
  return simulated(fd) ? Kernel::current()->sys_connect(fd, to) : __real_connect(fd, to, length);
}
int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
  return simulated(fd) ? Kernel::current()->sys_setsockopt(fd, level, name, value)
                       : __real_setsockopt(fd, level, name, value, length);
}
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  return simulated(fd) ? Kernel::current()->sys_getsockopt(fd, name, value)
                       : __real_getsockopt(fd, level, name, value, length);
}
ssize_t __wrap_recv(int fd, void* to, std::size_t n, int flags) {
  return simulated(fd) ? Kernel::current()->sys_recv(fd, to, n, flags)
                       : __real_recv(fd, to, n, flags);
}
ssize_t __wrap_send(int fd, const void* from, std::size_t n, int flags) {
  return simulated(fd) ? Kernel::current()->sys_send(fd, {static_cast<const char*>(from), n})
                       : __real_send(fd, from, n, flags);
}
/// io/syscalls.h.
long __wrap_syscall(long number, ...) {
  std::array<long, 6> a;
  va_list list;
  va_start(list, number);
  for (long& x : a) x = va_arg(list, long);
  va_end(list);
  const int fd = static_cast<int>(a[0]);
  if (simulated(fd) && number == SYS_recvfrom)
    return Kernel::current()->sys_recv(fd, reinterpret_cast<void*>(a[1]),
                                       static_cast<std::size_t>(a[2]), static_cast<int>(a[3]));
  if (simulated(fd) && number == SYS_sendto)
    return Kernel::current()->sys_send(
        fd, {reinterpret_cast<const char*>(a[1]), static_cast<std::size_t>(a[2])});
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  if (!simulated(fd)) return __real_sendmsg(fd, message, flags);
  std::string all;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    all.append(static_cast<const char*>(message->msg_iov[i].iov_base), message->msg_iov[i].iov_len);
  return Kernel::current()->sys_send(fd, all);
}
/// One end is a real pipe, the other may be a simulated socket. Never blocks.
ssize_t __wrap_splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t n,
                      unsigned flags) {
  if (!simulated(in) && !simulated(out))
    return __real_splice(in, in_offset, out, out_offset, n, flags);
  std::array<char, 16384> bytes;
  n = std::min(n, bytes.size());
  if (simulated(in)) {  // the pipe has room for n: the caller knows its level
    const ssize_t got = Kernel::current()->sys_recv(in, bytes.data(), n, 0);
    return got <= 0 ? got : ::write(out, bytes.data(), static_cast<std::size_t>(got));
  }
  n = std::min(n, Kernel::current()->room(out));
  if (n == 0) return Kernel::current()->sys_send(out, "x");  // refuses, or says what is wrong
  const ssize_t got = ::read(in, bytes.data(), n);
  return got <= 0 ? got
                  : Kernel::current()->sys_send(out, {bytes.data(), static_cast<std::size_t>(got)});
}
int __wrap_shutdown(int fd, int how) {
  return simulated(fd) ? Kernel::current()->sys_shutdown(fd) : __real_shutdown(fd, how);
}
int __wrap_close(int fd) {
  return simulated(fd) ? Kernel::current()->sys_close(fd) : __real_close(fd);
}
int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return simulated(fd) ? Kernel::current()->sys_epoll_ctl(fd, event)
                       : __real_epoll_ctl(epoll, operation, fd, event);
}
int __wrap_epoll_wait(int epoll, epoll_event* events, int max, int timeout) {
  if (Kernel* k = Kernel::current()) return k->sys_epoll_wait(events, max, timeout);
  return __real_epoll_wait(epoll, events, max, timeout);
}
std::chrono::steady_clock::time_point __wrap__ZNSt6chrono3_V212steady_clock3nowEv() {
  if (const Kernel* k = Kernel::current()) return k->now();
  return __real__ZNSt6chrono3_V212steady_clock3nowEv();
}

}  // extern "C"
