#include "control/fetch/fetcher.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace aralez {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// Answers every request with the same bytes; without any it keeps silent.
class Server {
 public:
  explicit Server(std::string answer) : answer_(std::move(answer)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), address, &size) != 0)
      ADD_FAILURE() << "no server";
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  /// Pre: who asked has gone.
  ~Server() {
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

std::string answer(std::string_view status, std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

FetchRequest plain(std::string url, std::size_t max_bytes = 1000) {
  return {.url = std::move(url),
          .schemes = FetchRequest::Schemes::any,
          .way = FetchRequest::Way::direct,
          .max_bytes = max_bytes};
}

TEST(Fetcher, gets_a_body_and_its_status_and_keeps_the_connection) {
  Server server(answer("404 Not Found", "nothing here"));
  Fetcher fetcher;
  for (int i = 0; i < 2; ++i) {
    const auto got = fetcher.get(plain(server.url("/x?y")));
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(got->status, 404);
    EXPECT_EQ(got->body, "nothing here");
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.heard(), ContainsRegex("^GET /x.y HTTP/1.1\r\n"));
}

TEST(Fetcher, sends_fields_of_one_request_with_that_one) {
  Server server(answer("200 OK", ""));
  Fetcher fetcher;
  FetchRequest request = plain(server.url("/"));
  request.fields = {"X-One: 1", "X-Two: 2"};
  ASSERT_TRUE(fetcher.get(request));
  EXPECT_THAT(server.heard(), HasSubstr("X-One: 1\r\nX-Two: 2\r\n"));
  const std::size_t before = server.heard().size();
  ASSERT_TRUE(fetcher.get(plain(server.url("/"))));
  EXPECT_EQ(server.heard().find("X-One", before), std::string::npos);
}

TEST(Fetcher, takes_as_much_as_it_may_and_no_more) {
  Server server(answer("200 OK", std::string(1000, 'x')));
  Fetcher fetcher;
  EXPECT_EQ(fetcher.get(plain(server.url("/"), 1000))->body.size(), 1000U);
  EXPECT_EQ(fetcher.get(plain(server.url("/"), 999)).error(),
            "the answer is larger than 999 bytes");
}

TEST(Fetcher, speaks_https_alone_unless_it_is_told_otherwise) {
  Server server(answer("200 OK", ""));
  Fetcher fetcher;
  EXPECT_FALSE(fetcher.get({.url = server.url("/"), .max_bytes = 1000}));
  EXPECT_FALSE(fetcher.get(plain("file:///etc/hostname")));
  EXPECT_EQ(server.connections(), 0);
}

TEST(Fetcher, follows_no_redirect) {
  Server other(answer("200 OK", ""));
  Server server(answer("302 Found", "", "Location: " + other.url("/") + "\r\n"));
  Fetcher fetcher;
  EXPECT_EQ(fetcher.get(plain(server.url("/")))->status, 302);
  EXPECT_EQ(other.connections(), 0);
}

TEST(Fetcher, gives_up_when_time_is_over_or_somebody_wants_it_to_end) {
  Server silent("");
  Fetcher fetcher;
  FetchRequest request = plain(silent.url("/"));
  request.timeout = std::chrono::milliseconds{50};
  EXPECT_FALSE(fetcher.get(request));
  request.timeout = std::chrono::minutes{10};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(fetcher.get(request, stop.get_token()));
}

TEST(Fetcher, says_who_cannot_be_reached) {
  Fetcher fetcher;
  const auto got = fetcher.get(plain("http://127.0.0.1:1/"));
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error(), HasSubstr("127.0.0.1"));
}

}  // namespace
}  // namespace aralez
