#include "observe/worker_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class WorkerLogTest : public ::testing::Test {
 protected:
  WorkerLogTest() {
    std::string pattern = (fs::temp_directory_path() / "aralez-worker-log-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    auto log = ServerLog::open({.level = LogLevel::info, .file = {.path = path()}});
    if (log) log_ = std::move(*log);
  }
  ~WorkerLogTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return (folder_ / "log").string(); }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::ifstream in(path());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

  fs::path folder_;
  std::unique_ptr<ServerLog> log_;
};

TEST_F(WorkerLogTest, everything_accepted_is_written_when_it_ends) {
  {
    WorkerLog worker(*log_);
    for (int i = 0; i < 500; ++i) worker.write(LogLevel::info, "t::x", std::to_string(i));
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 500U);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_THAT(all[i], ContainsRegex("^[-0-9]* [:0-9]* INFO t::x - " + std::to_string(i) + "$"));
}

TEST_F(WorkerLogTest, keeps_to_the_level_of_the_log_and_to_its_shape) {
  {
    WorkerLog worker(*log_);
    EXPECT_TRUE(worker.enabled(LogLevel::info));
    EXPECT_FALSE(worker.enabled(LogLevel::debug));
    worker.write(LogLevel::debug, "t", "no");
    worker.write(LogLevel::error, "t", "one\n2026-01-01 00:00:00 ERROR forged - x\x1b[2J");
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0], ContainsRegex(" ERROR t - one$"));
  EXPECT_EQ(all[1], "  2026-01-01 00:00:00 ERROR forged - x\\x1b[2J");
}

TEST_F(WorkerLogTest, a_record_that_can_never_fit_is_counted) {
  {
    WorkerLog worker(*log_, 1024);
    worker.write(LogLevel::info, "t", std::string(2000, 'x'));
    EXPECT_EQ(worker.lost(), 1U);
  }
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0],
              HasSubstr(" WARN aralez::observe - 1 log records of workers were dropped"));
}

TEST_F(WorkerLogTest, records_of_many_threads_stay_whole_and_in_the_order_of_each) {
  constexpr int kThreads = 4;
  constexpr int kEach = 300;
  {
    WorkerLog worker(*log_);
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&worker, t] {
        for (int i = 0; i < kEach; ++i)
          worker.write(LogLevel::info, "t", std::to_string(t) + " " + std::to_string(i));
      });
    log_->write(LogLevel::info, "main", "does not wait for its turn");
  }
  std::map<int, int> next;
  int others = 0;
  for (const auto& line : lines()) {
    const auto at = line.find(" INFO t - ");
    if (at == std::string::npos) {
      ++others;
      continue;
    }
    int t = -1;
    int i = -1;
    std::istringstream(line.substr(at + 10)) >> t >> i;
    EXPECT_EQ(i, next[t]++) << line;
  }
  EXPECT_EQ(others, 1);
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(next[t], kEach);
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

TEST_F(WorkerLogTest, a_reader_that_does_not_read_holds_nobody_up_and_losses_are_counted) {
  constexpr std::uint64_t kWritten = 3000;  // more than pipe, buffer and batch can hold
  StuckOutput output;
  auto log = ServerLog::open({.level = LogLevel::info});
  ASSERT_TRUE(log);
  {
    WorkerLog worker(**log, 8192);
    for (std::uint64_t i = 0; i < kWritten; ++i)
      worker.write(LogLevel::info, "t", "record " + std::string(100, '.'));
    worker.write(LogLevel::warn, "t", "important");
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

}  // namespace
}  // namespace aralez
