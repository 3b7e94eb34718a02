#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace aralez::testing {

/// A test with an empty folder, which is gone after it. Its path has no symbolic link in it.
class TempFolderTest : public ::testing::Test {
 protected:
  TempFolderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aralez-test-XXXXXX").string();
    folder_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
  }
  ~TempFolderTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }
  void write(std::string_view name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] static std::string content(const std::filesystem::path& file) {
    std::ostringstream out;
    out << std::ifstream(file, std::ios::binary).rdbuf();
    return out.str();
  }
  [[nodiscard]] static std::vector<std::string> lines(const std::filesystem::path& file) {
    std::vector<std::string> out;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

  std::filesystem::path folder_;
};

}  // namespace aralez::testing
