#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "support/temp_folder.h"

namespace aralez {

/// Runs `body` in a process of its own; its result is the exit status, 128 + n when a signal ended
/// it.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

using testing::TempFolderTest;

}  // namespace aralez
