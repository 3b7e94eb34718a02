#include "control/process/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace aralez {

std::expected<void, ProcessError> notify(std::string_view socket, std::string_view state) {
  const std::string subject = "NOTIFY_SOCKET " + std::string(socket);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() < 2 || (socket[0] != '/' && socket[0] != '@'))
    return process_error(EINVAL, subject);
  if (socket.size() >= sizeof address.sun_path) return process_error(ENAMETOOLONG, subject);
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.sun_path[0] = '\0';
  // An abstract name is as long as the address says, so no zero byte may follow.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());

  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return process_error(errno, subject);
  const ssize_t n = ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length);
  if (n < 0) return process_error(errno, subject);
  return {};
}

std::expected<void, ProcessError> notify_ready() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (!socket || *socket == '\0') return {};
  return notify(socket, "READY=1");
}

}  // namespace aralez
