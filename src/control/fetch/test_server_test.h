#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "control/fetch/fetcher.h"

namespace aralez {

/// Answers every request with the same bytes; without any it keeps silent.
class TestServer {
 public:
  explicit TestServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    if (!listener_ || ::bind(listener_.get(), address, size) != 0 ||
        ::listen(listener_.get(), 8) != 0 || ::getsockname(listener_.get(), address, &size) != 0)
      ADD_FAILURE() << "no server";
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  /// Pre: who asked has gone.
  ~TestServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  [[nodiscard]] std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (true) {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      ++connections_;
      std::array<char, 4096> buffer;
      std::string request;
      for (ssize_t n; (n = ::read(client.get(), buffer.data(), buffer.size())) > 0;) {
        request.append(buffer.data(), static_cast<std::size_t>(n));
        if (!request.ends_with("\r\n\r\n")) continue;
        {
          const std::lock_guard lock(mutex_);
          heard_ += std::exchange(request, {});
        }
        if (::send(client.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) break;
      }
    }
  }

  const std::string answer_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::string heard_;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

inline std::string answer(std::string_view status, std::string_view body,
                          std::string_view fields = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

inline FetchRequest plain(std::string url, std::size_t max_bytes = 1000) {
  return {.url = std::move(url),
          .schemes = FetchRequest::Schemes::any,
          .way = FetchRequest::Way::direct,
          .max_bytes = max_bytes};
}

}  // namespace aralez
