#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <span>

namespace aralez::sys {

// recv and send as the kernel has them. Those of the C library are points where a thread may be
// cancelled, which costs two locked instructions a call in a program with threads; none is ever
// cancelled here. Result and errno as there.

[[nodiscard]] inline ssize_t recv(int fd, std::span<std::byte> to) noexcept {
  return ::syscall(SYS_recvfrom, fd, to.data(), to.size(), 0, nullptr, nullptr);
}
[[nodiscard]] inline ssize_t send(int fd, std::span<const std::byte> from) noexcept {
  return ::syscall(SYS_sendto, fd, from.data(), from.size(), MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace aralez::sys
