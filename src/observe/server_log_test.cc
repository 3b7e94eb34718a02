#include "observe/server_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ServerLogTest : public testing::TempFolderTest {
 protected:
  [[nodiscard]] std::unique_ptr<ServerLog> open(ServerLogOptions options = {}) const {
    options.file.path = path();
    auto log = ServerLog::open(std::move(options));
    EXPECT_TRUE(log) << log.error().what;
    return log ? std::move(*log) : nullptr;
  }
  [[nodiscard]] std::string path() const { return TempFolderTest::path("log"); }
  [[nodiscard]] std::vector<std::string> lines() const { return TempFolderTest::lines(path()); }
};

TEST_F(ServerLogTest, everything_accepted_is_written_when_it_ends) {
  {
    const auto log = open();
    for (int i = 0; i < 500; ++i) log->write(LogLevel::info, "t::x", std::to_string(i));
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 500U);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_THAT(all[i], ContainsRegex("^[-0-9]* [:0-9]* INFO t::x - " + std::to_string(i) + "$"));
}

TEST_F(ServerLogTest, keeps_to_its_level_and_to_the_shape_of_lines) {
  {
    const auto log = open();
    EXPECT_TRUE(log->enabled(LogLevel::info));
    EXPECT_FALSE(log->enabled(LogLevel::debug));
    log->write(LogLevel::debug, "t", "no");
    log->write(LogLevel::error, "t", "one\n2026-01-01 00:00:00 ERROR forged - x\x1b[2J");
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0], ContainsRegex(" ERROR t - one$"));
  EXPECT_EQ(all[1], "  2026-01-01 00:00:00 ERROR forged - x\\x1b[2J");
  const auto silent = open({.level = LogLevel::off});
  EXPECT_FALSE(silent->enabled(LogLevel::error));
  EXPECT_FALSE(silent->enabled(LogLevel::off));
}

TEST_F(ServerLogTest, a_record_that_can_never_fit_is_counted) {
  {
    const auto log = open({.capacity = 1024});
    log->write(LogLevel::info, "t", std::string(2000, 'x'));
    EXPECT_EQ(log->lost(), 1U);
  }
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0],
              HasSubstr(" WARN aralez::observe - 1 records of the server log were dropped"));
}

TEST_F(ServerLogTest, lines_of_others_keep_their_place_and_only_half_of_the_room_is_theirs) {
  {
    const auto log = open({.level = LogLevel::warn, .capacity = 1024});
    EXPECT_FALSE(log->offer_lines(std::string(600, 'x') + '\n', {}));
    log->write(LogLevel::warn, "t", "before");
    EXPECT_TRUE(log->offer_lines("one\ntwo\n", std::chrono::steady_clock::time_point::max()));
    log->write(LogLevel::warn, "t", "after");
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_THAT(all[0], HasSubstr("before"));
  EXPECT_EQ(all[1], "one");
  EXPECT_EQ(all[2], "two");
  EXPECT_THAT(all[3], HasSubstr("after"));
}

TEST_F(ServerLogTest, what_was_said_before_a_reopening_is_in_the_old_file) {
  const auto moved = folder_ / "moved";
  {
    const auto log = open();
    log->write(LogLevel::info, "t", "before");
    fs::rename(path(), moved);
    log->reopen_later();
    log->write(LogLevel::info, "t", "after");
  }
  std::string line;
  std::ifstream old(moved);
  ASSERT_TRUE(std::getline(old, line));
  EXPECT_THAT(line, HasSubstr("before"));
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], HasSubstr("after"));
}

TEST_F(ServerLogTest, a_reopening_that_fails_is_said_in_the_old_file) {
  const auto moved = folder_ / "moved";
  {
    const auto log = open();
    fs::rename(path(), moved);
    fs::create_directory(path());
    log->reopen_later();
  }
  std::ostringstream all;
  all << std::ifstream(moved).rdbuf();
  EXPECT_THAT(all.str(), ContainsRegex(" ERROR aralez::server - not reopened, .*Is a directory"));
}

TEST_F(ServerLogTest, records_of_many_threads_stay_whole_through_rotations) {
  constexpr int kThreads = 4;
  constexpr int kEach = 300;
  {
    const auto log = open({.file = {.max_bytes = 10'000, .keep = 50}});
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kEach; ++i)
          log->write(LogLevel::info, "t", std::to_string(t) + " " + std::to_string(i));
      });
  }
  std::map<int, std::vector<int>> seen;
  for (const auto& e : fs::directory_iterator(folder_)) {
    std::ifstream in(e.path());
    for (std::string line; std::getline(in, line);) {
      const auto at = line.find(" INFO t - ");
      ASSERT_NE(at, std::string::npos) << line;
      int t = -1;
      int i = -1;
      std::istringstream(line.substr(at + 10)) >> t >> i;
      seen[t].push_back(i);
    }
  }
  for (int t = 0; t < kThreads; ++t) {
    std::sort(seen[t].begin(), seen[t].end());
    ASSERT_EQ(seen[t].size(), kEach);
    for (int i = 0; i < kEach; ++i) EXPECT_EQ(seen[t][static_cast<std::size_t>(i)], i);
  }
}

/// Standard output is a pipe that nobody reads until drain() is called.
class StuckOutput {
 public:
  StuckOutput() : saved_(::dup(STDOUT_FILENO)) {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) return;
    read_ = UniqueFd(fds[0]);
    ::dup2(fds[1], STDOUT_FILENO);
    ::close(fds[1]);
  }
  ~StuckOutput() { restore(); }
  void drain() {
    reader_ = std::thread([this] {
      std::array<char, 4096> buffer;
      for (ssize_t n; (n = ::read(read_.get(), buffer.data(), buffer.size())) > 0;)
        text_.append(buffer.data(), static_cast<std::size_t>(n));
    });
  }
  /// Pre: drain(), and nobody writes any more.
  [[nodiscard]] std::string text() {
    restore();
    reader_.join();
    return text_;
  }

 private:
  void restore() {
    if (saved_) ::dup2(saved_.get(), STDOUT_FILENO);
    saved_ = UniqueFd();
  }
  UniqueFd saved_;
  UniqueFd read_;
  std::thread reader_;
  std::string text_;
};

TEST_F(ServerLogTest, a_reader_that_does_not_read_holds_nobody_up_and_losses_are_counted) {
  constexpr std::uint64_t kWritten = 3000;  // more than pipe, buffer and batch can hold
  StuckOutput output;
  {
    auto log = ServerLog::open({.capacity = 8192, .end_grace = std::chrono::hours{1}});
    ASSERT_TRUE(log);
    for (std::uint64_t i = 0; i < kWritten; ++i)
      (*log)->write(LogLevel::info, "t", "record " + std::string(100, '.'));
    (*log)->write(LogLevel::warn, "t", "important");
    EXPECT_GT((*log)->lost(), 0U);
    output.drain();
  }
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;
  std::uint64_t important = 0;
  std::istringstream in(output.text());
  for (std::string line; std::getline(in, line);) {
    if (line.find("INFO t - record ....") != std::string::npos) ++written;
    if (line.find("WARN t - important") != std::string::npos) ++important;
    const std::string mark = "WARN aralez::observe - ";
    if (const auto at = line.find(mark); at != std::string::npos)
      dropped += std::stoull(line.substr(at + mark.size()));
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(written + dropped, kWritten);
  EXPECT_EQ(important, 1U) << "there is room kept for warnings";
}

TEST_F(ServerLogTest, a_reader_that_never_reads_does_not_hold_up_the_end) {
  StuckOutput output;
  auto log = ServerLog::open({.capacity = 8192});
  ASSERT_TRUE(log);
  for (int i = 0; i < 3000; ++i) (*log)->write(LogLevel::info, "t", std::string(100, '.'));
  log->reset();
  output.drain();
  EXPECT_FALSE(output.text().empty());
}

}  // namespace
}  // namespace aralez
