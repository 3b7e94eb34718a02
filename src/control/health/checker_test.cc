#include "control/health/checker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"
#include "cluster/endpoint_registry.h"
#include "support/kept_log.h"

namespace aralez {
namespace {

/// A server that answers every request by `answer`, or keeps silent when that is empty.
class Server {
 public:
  explicit Server(std::string answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto any = SocketAddress::from_ip("127.0.0.1", 0).value();
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (::bind(listener_.get(), any.raw(), any.length()) != 0 ||
        ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&raw), &length) != 0)
      std::abort();
    port_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length).port();
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int requests() const noexcept { return requests_; }

 private:
  void serve(const std::stop_token& stop) {
    std::vector<UniqueFd> silent;
    while (!stop.stop_requested()) {
      pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 20) != 1) continue;
      UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
      char request[4096];
      if (::recv(peer.get(), request, sizeof request, 0) <= 0) continue;
      ++requests_;
      if (answer_.empty())
        silent.push_back(std::move(peer));
      else
        static_cast<void>(::send(peer.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL));
    }
  }

  const std::string answer_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_{0};
  std::jthread thread_;
};

class Checker : public ::testing::Test {
 protected:
  static constexpr std::string_view kWell = "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n";
  static constexpr std::string_view kIll = "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n";

  std::shared_ptr<HealthState> watch(const Server& server, Millis timeout = Millis(20'000)) {
    EndpointSpec spec{.host = "127.0.0.1", .port = server.port(), .pin = ProtocolPin::http};
    registry_.attach(spec, {.interval = Millis(20), .timeout = timeout}, {});
    auto health = spec.health;
    Snapshot snapshot;
    snapshot.clusters.push_back({"r", {std::move(spec)}});
    checker_->watch(snapshot);
    return health;
  }
  static bool until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(Millis(1));
    }
    return true;
  }

  testing::KeptLog logger_;
  EndpointRegistry registry_{2};
  std::unique_ptr<HealthChecker> checker_ = std::make_unique<HealthChecker>(logger_);
};

TEST_F(Checker, gives_verdicts_and_says_each_change_once) {
  checker_->start();
  const Server well{std::string(kWell)};
  const Server ill{std::string(kIll)};
  const auto up = watch(well);
  EXPECT_TRUE(until([&] { return up->verdict() == Health::up && well.requests() > 3; }));
  EXPECT_NE(up->endpoint()->reached_at(), TimePoint::min());
  const auto down = watch(ill);
  EXPECT_TRUE(until([&] { return down->verdict() == Health::down && ill.requests() > 3; }));
  const std::string said = logger_.text();
  EXPECT_EQ(said.find("is down"), said.rfind("is down"));
  EXPECT_NE(said.find("status 503 (check HEAD /)"), std::string::npos);
  EXPECT_EQ(down->facts().error, "status 503");
}

/// Clients that hold all descriptors must not take the servers away as well.
TEST_F(Checker, no_descriptor_left_says_nothing_of_a_server) {
  checker_->start();
  const Server well{std::string(kWell)};
  const auto health = watch(well);
  ASSERT_TRUE(until([&] { return health->verdict() == Health::up; }));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool said = until([&] { return logger_.text().contains("verdicts stay: Too many"); });
  const Health then = health->verdict();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(said) << logger_.text();
  EXPECT_EQ(then, Health::up);
  EXPECT_FALSE(logger_.text().contains("is down")) << logger_.text();
}

TEST_F(Checker, checks_no_longer_what_it_is_not_told_to_watch) {
  checker_->start();
  const Server first{std::string(kWell)};
  const Server second{std::string(kWell)};
  watch(first);
  EXPECT_TRUE(until([&] { return first.requests() > 0; }));
  watch(second);
  EXPECT_TRUE(until([&] { return second.requests() > 1; }));
  const int before = first.requests();
  EXPECT_TRUE(until([&] { return second.requests() > 10; }));
  EXPECT_LE(first.requests(), before + 1);
}

TEST_F(Checker, ends_without_waiting_for_servers) {
  checker_->start();
  const Server silent{""};
  watch(silent, Millis(3'600'000));
  EXPECT_TRUE(until([&] { return silent.requests() == 1; }));
  checker_.reset();
}

TEST_F(Checker, may_never_be_started) {
  const Server well{std::string(kWell)};
  watch(well);
  checker_.reset();
  EXPECT_EQ(well.requests(), 0);
}

}  // namespace
}  // namespace aralez
