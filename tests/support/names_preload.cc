// Loaded before the proxy under test: gives it a resolv.conf and a hosts file of its own, and sends
// what it would send to port 53 of an IPv4 address to the port of the test's name server. See
// names.py.
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

const char* own(const char* path) {
  const char* other = nullptr;
  if (std::string_view(path) == "/etc/resolv.conf") other = std::getenv("TEST_RESOLV_CONF");
  if (std::string_view(path) == "/etc/hosts") other = std::getenv("TEST_HOSTS");
  return other ? other : path;
}

template <class Function>
Function* next(const char* name, Function*) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

std::FILE* fopen(const char* path, const char* mode) {
  static const auto real = next("fopen", &fopen);
  return real(own(path), mode);
}

std::FILE* fopen64(const char* path, const char* mode) {
  static const auto real = next("fopen64", &fopen64);
  return real(own(path), mode);
}

int connect(int fd, const sockaddr* to, socklen_t length) {
  static const auto real = next("connect", &connect);
  const char* port = std::getenv("TEST_NAME_PORT");
  sockaddr_in changed{};
  if (!port || to->sa_family != AF_INET || length < sizeof changed) return real(fd, to, length);
  std::memcpy(&changed, to, sizeof changed);
  if (changed.sin_port != htons(53)) return real(fd, to, length);
  changed.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  return real(fd, reinterpret_cast<const sockaddr*>(&changed), sizeof changed);
}

}  // extern "C"
