#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

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

class TempFolderTest : public ::testing::Test {
 protected:
  TempFolderTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "aralez-process-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~TempFolderTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }
  [[nodiscard]] static std::string content(const std::string& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }

  std::filesystem::path folder_;
};

}  // namespace aralez
