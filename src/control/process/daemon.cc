#include "control/process/daemon.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>

namespace aralez {
namespace {

constexpr char kReady = 'R';

bool other_threads_exist() {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/self/task", error);
  return !error && std::distance(begin(tasks), end(tasks)) > 1;
}

UniqueFd open_output(const std::string& error_log) {
  const char* path = error_log.empty() ? "/dev/null" : error_log.c_str();
  return UniqueFd(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
}

/// Of the process that was called. Runs no destructor: everything belongs to the daemon.
[[noreturn]] void exit_when_started(int from, pid_t child) {
  sigset_t all;  // a SignalWaiter may have blocked what the user's Ctrl-C sends
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  char told = 0;
  ssize_t n = 0;
  do n = ::read(from, &told, 1);
  while (n < 0 && errno == EINTR);
  ::_exit(n == 1 && told == kReady ? EXIT_SUCCESS : EXIT_FAILURE);
}

/// In the first child. Returns in the second one, the daemon.
void leave_session() {
  ::setsid();
  // Without the lead of the session a terminal that is opened cannot become ours.
  const pid_t daemon = ::fork();
  if (daemon != 0) ::_exit(daemon < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
  ::umask(027);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null) ::dup2(null.get(), STDIN_FILENO);
}

}  // namespace

std::expected<DaemonStart, ProcessError> daemonize(const DaemonOptions& options) {
  if (other_threads_exist()) return process_error(EBUSY, "daemon: threads are running");
  UniqueFd output = open_output(options.error_log);
  if (!output) return process_error(errno, "error_log " + options.error_log);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return process_error(errno, "daemon: pipe");
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);

  std::fflush(nullptr);  // or both processes would write what is buffered
  const pid_t child = ::fork();
  if (child < 0) return process_error(errno, "daemon: fork");
  if (child > 0) {
    writer.reset();
    exit_when_started(reader.get(), child);
  }
  leave_session();
  return DaemonStart(std::move(writer), std::move(output));
}

void DaemonStart::ready() {
  if (!waiter_) return;
  std::fflush(nullptr);
  ::dup2(output_.get(), STDOUT_FILENO);
  ::dup2(output_.get(), STDERR_FILENO);
  (void)!::write(waiter_.get(), &kReady, 1);
  waiter_.reset();
  output_.reset();
}

}  // namespace aralez
