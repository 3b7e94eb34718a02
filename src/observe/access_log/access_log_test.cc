#include "observe/access_log/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/unique_fd.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class AccessLogTest : public testing::TempFolderTest {
 protected:
  AccessLogTest() {
    auto log = ServerLog::open({.level = LogLevel::warn, .file = {.path = path("server.log")}});
    if (log) server_ = std::move(*log);
  }

  [[nodiscard]] std::vector<std::string> lines(std::string_view name) const {
    return TempFolderTest::lines(path(name));
  }
  /// All that the server log was given. Pre: no access log is left.
  [[nodiscard]] std::vector<std::string> server_lines() {
    server_.reset();
    return lines("server.log");
  }
  [[nodiscard]] std::unique_ptr<AccessLog> open(AccessLogOptions options) {
    auto log = AccessLog::open(std::move(options), *server_);
    EXPECT_TRUE(log) << log.error().what;
    return log ? std::move(*log) : nullptr;
  }
  static void add(AccessChannel& channel, std::string_view target, std::uint16_t status = 200) {
    AccessRecord r;
    r.facts.ended = std::chrono::steady_clock::now();
    r.facts.status = status;
    r.text(AccessText::method) = "GET";
    r.text(AccessText::target) = target;
    r.text(AccessText::upstream) = "10.1.0.1:80";
    channel.add(r);
  }
  /// Whether `done` comes true in time.
  template <class Done>
  static bool soon(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  std::unique_ptr<ServerLog> server_;
};

TEST_F(AccessLogTest, mode_says_which_statuses_have_a_line) {
  const auto all = open({.mode = AccessLogMode::all});
  const auto errors = open({.mode = AccessLogMode::error});
  for (const std::uint16_t s : {100, 200, 302, 399}) {
    EXPECT_TRUE(all->channel(0).wants(s)) << s;
    EXPECT_FALSE(errors->channel(0).wants(s)) << s;
  }
  for (const std::uint16_t s : {0, 400, 404, 500, 999}) {
    EXPECT_TRUE(all->channel(0).wants(s)) << s;
    EXPECT_TRUE(errors->channel(0).wants(s)) << s;
  }
}

TEST_F(AccessLogTest, lines_go_to_the_server_log_at_any_level) {
  const auto log = open({.mode = AccessLogMode::all});
  add(log->channel(0), "/one");
  ASSERT_TRUE(soon([&] { return lines("server.log").size() == 1; }));
  EXPECT_THAT(lines("server.log")[0],
              EndsWith(" INFO aralez::web::logging - 200, GET /one, Host: , client: , version: "
                       "Unknown, useragent: -"));
}

TEST_F(AccessLogTest, everything_accepted_is_written_when_it_ends) {
  constexpr std::size_t kWriters = 3;
  constexpr std::size_t kEach = 2000;
  {
    const auto log = open({.mode = AccessLogMode::all,
                           .file = LogFileOptions{.path = path("access.log")},
                           .writers = kWriters});
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < kWriters; ++w)
      threads.emplace_back([&channel = log->channel(w), w] {
        for (std::size_t i = 0; i < kEach; ++i)
          add(channel, "/" + std::to_string(w) + "/" + std::to_string(i));
      });
    threads.clear();
    EXPECT_EQ(log->lost(), 0U);
  }
  const auto all = lines("access.log");
  EXPECT_EQ(all.size(), kWriters * kEach);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), kWriters * kEach);
  EXPECT_TRUE(server_lines().empty());
}

TEST_F(AccessLogTest, a_full_ring_drops_and_counts_and_the_server_log_says_so) {
  // A pipe that nobody reads holds the thread up; a small ring fills at once.
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const UniqueFd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::uint64_t lost = 0;
  {
    const auto log = open({.mode = AccessLogMode::all,
                           .file = LogFileOptions{.path = path("pipe")},
                           .ring_bytes = 64 * 1024});
    const std::string target(1000, 'x');
    for (int i = 0; i < 2000; ++i) add(log->channel(0), target);
    lost = log->lost();
    EXPECT_GT(lost, 500U);
  }
  EXPECT_THAT(server_lines(),
              Contains(ContainsRegex(" WARN aralez::observe - [0-9]+ lines of the access log "
                                     "were dropped: they came faster than they could be")));
}

TEST_F(AccessLogTest, a_reader_of_a_pipe_that_is_only_a_little_slow_gets_everything) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const UniqueFd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::size_t received = 0;
  const auto log = open({.mode = AccessLogMode::all, .file = LogFileOptions{.path = path("pipe")}});
  const std::string target(1000, 'x');
  for (int i = 0; i < 500; ++i) add(log->channel(0), target);
  std::array<char, 4096> buffer;
  ASSERT_TRUE(soon([&] {
    const ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
    if (n > 0)
      received += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + n, '\n'));
    return received == 500;
  })) << received;
  EXPECT_EQ(log->lost(), 0U);
}

TEST_F(AccessLogTest, long_texts_are_cut) {
  {
    const auto log = open({.mode = AccessLogMode::all});
    add(log->channel(0), std::string(100'000, 'x'));
  }
  const auto all = server_lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0], HasSubstr("xxx..., Host: "));
  EXPECT_LT(all[0].size(), 9000U);
}

TEST_F(AccessLogTest, json_has_the_other_texts_too) {
  {
    const auto log = open({.mode = AccessLogMode::all, .format = AccessLogFormat::json});
    EXPECT_TRUE(log->channel(0).detailed());
    add(log->channel(0), "/x");
  }
  const auto all = server_lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0], ContainsRegex("^\\{\"time\":\".*\"upstream\":\"10.1.0.1:80\""));
}

TEST_F(AccessLogTest, reopening_and_rotating_under_way_lose_nothing) {
  constexpr std::size_t kRecords = 30'000;
  std::size_t moved = 0;
  {
    const auto log = open(
        {.mode = AccessLogMode::all,
         .file = LogFileOptions{.path = path("access.log"), .max_bytes = 200'000, .keep = 1000}});
    std::atomic<bool> done{false};
    std::jthread worker([&] {
      for (std::size_t i = 0; i < kRecords;) {
        const auto before = log->lost();
        add(log->channel(0), "/" + std::to_string(i));
        if (log->lost() == before) ++i;
      }
      done = true;
    });
    while (!done) {
      std::error_code ec;
      fs::rename(path("access.log"), path("moved." + std::to_string(moved)), ec);
      if (!ec) ++moved;
      log->reopen_later();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  std::set<std::string> seen;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name == "server.log") continue;
    for (const auto& l : lines(name)) {
      ++count;
      seen.insert(l.substr(l.find("GET /")));
    }
  }
  EXPECT_EQ(count, kRecords);
  EXPECT_EQ(seen.size(), kRecords);
  EXPECT_GT(moved, 0U);
}

TEST_F(AccessLogTest,
       a_file_that_cannot_be_opened_is_an_error_and_one_that_cannot_be_reopened_stays) {
  const auto none = AccessLog::open(
      {.mode = AccessLogMode::all, .file = LogFileOptions{.path = path("no/such/log")}}, *server_);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().what, HasSubstr("no/such/log"));
  fs::create_directory(path("sub"));
  const auto log =
      open({.mode = AccessLogMode::all, .file = LogFileOptions{.path = path("sub/access.log")}});
  fs::rename(path("sub"), path("elsewhere"));
  log->reopen_later();
  ASSERT_TRUE(soon([&] { return !lines("server.log").empty(); }));
  EXPECT_THAT(lines("server.log")[0], HasSubstr("access log not reopened, the old file stays"));
  add(log->channel(0), "/still");
  ASSERT_TRUE(soon([&] { return lines("elsewhere/access.log").size() == 1; }));
}

}  // namespace
}  // namespace aralez
