#include "control/process/daemon.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <thread>

#include "control/process/support_test.h"

namespace aralez {
namespace {

/// The tests fork from a process that must have one thread: not for ThreadSanitizer, which runs one
/// of its own.
class DaemonTest : public TempFolderTest {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~DaemonTest() override {
    for (const int fd : ends_)
      if (fd >= 0) ::close(fd);
  }
  /// In the daemon.
  void tell(const std::string& text) const { (void)!::write(ends_[1], text.data(), text.size()); }
  /// What daemons told until the last of them ended.
  [[nodiscard]] std::string told() {
    ::close(ends_[1]);
    ends_[1] = -1;
    std::string all;
    std::array<char, 256> part;
    for (ssize_t n = 0; (n = ::read(ends_[0], part.data(), part.size())) > 0;)
      all.append(part.data(), static_cast<std::size_t>(n));
    return all;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

std::string yes_no(bool b) {
  return b ? "yes" : "no";
}

TEST_F(DaemonTest, runs_in_a_session_of_its_own_and_the_caller_exits_with_0_when_it_is_ready) {
  const pid_t test = ::getpid();
  const auto folder = std::filesystem::current_path();
  const int status = in_child([&] {
    auto start = daemonize({});
    if (!start) return 99;
    const mode_t mask = ::umask(0);
    tell("session " + yes_no(::getsid(0) != ::getsid(test)) + " leader " +
         yes_no(::getsid(0) == ::getpid()) + " umask " + std::to_string(mask) + " folder " +
         yes_no(std::filesystem::current_path() == folder) + " stdin " +
         std::filesystem::read_symlink("/proc/self/fd/0").string());
    start->ready();
    return 55;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(told(), "session yes leader no umask 23 folder yes stdin /dev/null");
}

TEST_F(DaemonTest, the_caller_exits_with_1_when_the_start_fails) {
  EXPECT_EQ(in_child([] {
              const auto start = daemonize({});
              return 55;  // and the start is gone
            }),
            EXIT_FAILURE);
  EXPECT_EQ(in_child([] {
              const auto start = daemonize({});
              std::abort();
              return 0;
            }),
            EXIT_FAILURE);
}

TEST_F(DaemonTest, output_goes_to_the_terminal_until_it_is_ready_then_to_the_error_log) {
  const int status = in_child([&] {
    if (!std::freopen(path("terminal").c_str(), "w", stdout) ||
        !std::freopen(path("terminal").c_str(), "a", stderr))
      return 98;
    std::fputs("buffered\n", stdout);
    auto start = daemonize({.error_log = path("errors")});
    if (!start) return 99;
    std::fputs("starting\n", stdout);
    start->ready();
    std::fputs("out\n", stdout);
    std::fflush(stdout);
    std::fputs("err\n", stderr);
    std::fflush(stderr);
    tell("done");
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(told(), "done");
  EXPECT_EQ(content(path("terminal")), "buffered\nstarting\n");
  EXPECT_EQ(content(path("errors")), "out\nerr\n");
}

TEST_F(DaemonTest, an_unusable_error_log_is_an_error_of_the_caller) {
  const auto start = daemonize({.error_log = path("no/errors")});
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().what, "error_log " + path("no/errors") + ": No such file or directory");
}

TEST_F(DaemonTest, refuses_when_threads_run) {
  std::jthread other([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  const auto start = daemonize({});
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().code, EBUSY);
}

}  // namespace
}  // namespace aralez
