#include "observe/server_log_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "observe/compress_file.h"
#include "observe/log_text.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ServerLogFileTest : public testing::TempFolderTest {
 protected:
  /// Counts what was lost.
  struct Log {
    void write(LogLevel level, std::string_view target, std::string_view message) {
      if (!file.write(std::chrono::system_clock::now(), level, target, message)) ++lost;
    }
    ServerLogFile file;
    std::size_t lost = 0;
  };
  [[nodiscard]] static std::unique_ptr<Log> open(LogFileOptions options) {
    auto file = ServerLogFile::open(std::move(options));
    EXPECT_TRUE(file) << file.error().what;
    return file ? std::make_unique<Log>(std::move(*file)) : nullptr;
  }
};

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}
std::string record(std::string_view text) {
  std::string out;
  append_record(out, text);
  return out;
}

TEST(LogText, escapes_what_could_forge_lines_or_drive_a_terminal) {
  EXPECT_EQ(escaped("GET /\xc3\xa4 \"x\\y\""), "GET /\xc3\xa4 \"x\\y\"");
  EXPECT_EQ(escaped("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(escaped(std::string_view("\0\x1b[2J\x7f", 6)), "\\x00\\x1b[2J\\x7f");
  EXPECT_EQ(escaped("\xc2\x9b"
                    "31m \xc2\xa0"),
            "\\xc2\\x9b31m \xc2\xa0");
  EXPECT_EQ(escaped("\xc2"), "\\xc2");
}

TEST(LogText, what_is_no_utf8_is_escaped_and_what_is_stays) {
  for (const std::string_view text :
       {"\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(escaped(text), text);
  EXPECT_EQ(escaped("\x80 \xff"), "\\x80 \\xff");
  EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(escaped("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");  // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(escaped("\xe2\x82"), "\\xe2\\x82");
}

TEST(LogText, a_record_keeps_its_lines_but_none_can_pass_for_another_record) {
  EXPECT_EQ(record("one"), "one");
  EXPECT_EQ(record("one\n2000-01-01 00:00:00 INFO x - y\n\n"),
            "one\n  2000-01-01 00:00:00 INFO x - y");
  EXPECT_EQ(record("a\r\nb"), "a\\r\n  b");
  EXPECT_EQ(record("\n"), "");
}

TEST_F(ServerLogFileTest, writes_the_line_shape) {
  const auto log = open({.path = path("log")});
  log->write(LogLevel::info, "aralez::control::reload", "applied");
  log->write(LogLevel::warn, "t", "w");
  log->write(LogLevel::error, "t", "e");
  log->write(LogLevel::debug, "t", "d");
  log->write(LogLevel::trace, "t", "{} %v");
  constexpr auto kStamp = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} ";
  std::istringstream lines(content(path("log")));
  std::string line;
  for (const auto* expected : {"INFO aralez::control::reload - applied$", "WARN t - w$",
                               "ERROR t - e$", "DEBUG t - d$", "TRACE t - \\{\\} %v$"}) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_THAT(line, ContainsRegex(std::string(kStamp) + expected));
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(ServerLogFileTest, appends_to_what_is_there_and_follows_symlinks) {
  std::ofstream(path("real")) << "before\n";
  fs::create_symlink("real", path("link"));
  open({.path = path("link")})->write(LogLevel::info, "t", "after");
  EXPECT_THAT(content(path("real")), ContainsRegex("^before\n.* INFO t - after\n$"));
}

TEST_F(ServerLogFileTest, an_unusable_path_is_an_error_that_names_it) {
  const auto log = ServerLogFile::open({.path = path("no/such/folder/log")});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ENOENT);
  EXPECT_THAT(log.error().what, HasSubstr("/no/such/folder/log: No such file or directory"));
  EXPECT_EQ(ServerLogFile::open({.path = folder_.string()}).error().code, EISDIR);
}

TEST_F(ServerLogFileTest, a_pipe_without_a_reader_is_an_error_and_a_full_one_loses_records) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(ServerLogFile::open({.path = path("pipe")}).error().code, ENXIO);
  const UniqueFd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto log = open({.path = path("pipe")});
  const std::string big(3000, 'x');
  for (int i = 0; i < 100; ++i) log->write(LogLevel::info, "t", big);
  EXPECT_GT(log->lost, 0U);
  EXPECT_LT(log->lost, 100U);
}

TEST_F(ServerLogFileTest, waits_for_the_reader_of_a_pipe_as_long_as_it_is_told_to) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const UniqueFd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto file = ServerLogFile::open({.path = path("pipe")});
  ASSERT_TRUE(file);
  while (file->append_lines(std::string(4095, 'x') + '\n') == 0) {
  }
  int asked = 0;
  EXPECT_EQ(file->append_lines("lost\n", [&](auto) { return ++asked < 3; }), 1U);
  EXPECT_EQ(asked, 3);
  std::string all(1024 * 1024, ' ');
  const auto read_all = [&] { return ::read(reader.get(), all.data(), all.size()); };
  EXPECT_EQ(file->append_lines("late\n", [&](auto) { return read_all() > 0; }), 0U);
  all.resize(static_cast<std::size_t>(read_all()));
  EXPECT_EQ(all, "late\n");
}

TEST_F(ServerLogFileTest, standard_output_never_blocks_and_keeps_its_mode) {
  const UniqueFd saved(::dup(STDOUT_FILENO));
  for (const bool socket : {false, true}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socket ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data())
                     : ::pipe2(ends.data(), O_CLOEXEC),
              0);
    const UniqueFd reader(ends[0]);
    ASSERT_EQ(::dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    ::close(ends[1]);
    const auto log = open({});
    for (int i = 0; i < 1000; ++i) log->write(LogLevel::info, "t", std::string(3000, 'x'));
    const int mode = ::fcntl(STDOUT_FILENO, F_GETFL);
    ::dup2(saved.get(), STDOUT_FILENO);
    EXPECT_GT(log->lost, 0U);
    EXPECT_LT(log->lost, 1000U);
    EXPECT_EQ(mode & O_NONBLOCK, 0) << "other programs write there too";
  }
}

TEST_F(ServerLogFileTest, the_file_is_not_inherited_by_programs_we_start) {
  const auto log = open({.path = path("log")});
  int found = 0;
  for (const auto& e : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(e.path(), gone) != path("log")) continue;
    ++found;
    EXPECT_NE(::fcntl(std::stoi(e.path().filename().string()), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(ServerLogFileTest, reopen_starts_a_new_file_after_the_old_one_was_moved_away) {
  const auto log = open({.path = path("log")});
  log->write(LogLevel::info, "t", "one");
  fs::rename(path("log"), path("moved"));
  log->write(LogLevel::info, "t", "two");
  ASSERT_TRUE(log->file.reopen());
  log->write(LogLevel::info, "t", "three");
  EXPECT_THAT(content(path("moved")), ContainsRegex("one\n.*two\n$"));
  EXPECT_THAT(content(path("log")), ContainsRegex("^.*three\n$"));
}

TEST_F(ServerLogFileTest, when_reopen_fails_the_old_file_stays_in_use) {
  fs::create_directory(path("sub"));
  const auto log = open({.path = path("sub/log")});
  fs::rename(path("sub"), path("elsewhere"));
  const auto again = log->file.reopen();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, HasSubstr("sub/log: No such file"));
  log->write(LogLevel::info, "t", "still here");
  EXPECT_THAT(content(path("elsewhere/log")), HasSubstr("still here"));
}

TEST_F(ServerLogFileTest, rotates_by_size_and_keeps_the_newest_files) {
  const auto log = open({.path = path("log"), .max_bytes = 150, .keep = 2});
  for (int i = 0; i < 10; ++i)
    log->write(LogLevel::info, "t", "record " + std::to_string(i) + std::string(80, '.'));
  EXPECT_THAT(content(path("log")), HasSubstr("record 9"));
  EXPECT_THAT(content(path("log.1")), HasSubstr("record 8"));
  EXPECT_THAT(content(path("log.2")), HasSubstr("record 7"));
  EXPECT_FALSE(fs::exists(path("log.3")));
  EXPECT_EQ(log->lost, 0U);
}

TEST_F(ServerLogFileTest, rotation_moves_the_target_of_a_symlink_and_counts_what_was_there) {
  fs::create_directory(path("var"));
  std::ofstream(path("var/log")) << std::string(200, 'x') << '\n';
  fs::create_symlink("var/log", path("link"));
  open({.path = path("link"), .max_bytes = 150})->write(LogLevel::info, "t", "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_THAT(content(path("link")), ContainsRegex("^.*new\n$"));
  EXPECT_EQ(fs::file_size(path("var/log.1")), 201U);
}

/// By the program that everybody reads them with.
std::string unzipped(const std::string& file) {
  std::string out;
  FILE* pipe = ::popen(("gzip -dc " + file).c_str(), "r");
  if (pipe == nullptr) return out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0) << file;
  return out;
}

TEST_F(ServerLogFileTest, compresses_old_files_with_their_rights_and_keeps_the_newest) {
  {
    const auto log = open({.path = path("log"), .max_bytes = 150, .keep = 2, .compress = true});
    ASSERT_EQ(::chmod(path("log").c_str(), 0600), 0);
    for (int i = 0; i < 6; ++i)
      log->write(LogLevel::info, "t", "record " + std::to_string(i) + std::string(80, '.'));
    // The newest old file is compressed on the side: when that is done it is there once.
    while (fs::exists(path("log.1"))) std::this_thread::yield();
  }
  EXPECT_THAT(content(path("log")), HasSubstr("record 5"));
  EXPECT_THAT(unzipped(path("log.1.gz")), ContainsRegex("^[^\n]* INFO t - record 4[.]*\n$"));
  EXPECT_THAT(unzipped(path("log.2.gz")), HasSubstr("record 3"));
  std::vector<std::string> names;
  for (const auto& e : fs::directory_iterator(folder_)) names.push_back(e.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("log", "log.1.gz", "log.2.gz"));
}

TEST_F(ServerLogFileTest, old_files_of_either_form_grow_older_together) {
  std::ofstream(path("log")) << std::string(200, 'x') << '\n';
  std::ofstream(path("log.1")) << "one\n";
  std::ofstream(path("log.2.gz")) << "two";
  std::ofstream(path("log.3")) << "three\n";
  open({.path = path("log"), .max_bytes = 150, .keep = 3})->write(LogLevel::info, "t", "new");
  EXPECT_EQ(fs::file_size(path("log.1")), 201U);
  EXPECT_EQ(content(path("log.2")), "one\n");
  EXPECT_EQ(content(path("log.3.gz")), "two");
  EXPECT_FALSE(fs::exists(path("log.3"))) << "the oldest goes";
  EXPECT_FALSE(fs::exists(path("log.2.gz")));
}

TEST_F(ServerLogFileTest, compression_that_is_stopped_or_impossible_leaves_the_file_alone) {
  std::ofstream(path("log.1")) << "kept\n";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(compress_file(path("log.1"), stop.get_token()));
  EXPECT_FALSE(compress_file(path("missing"), {}));
  EXPECT_EQ(content(path("log.1")), "kept\n");
  EXPECT_FALSE(fs::exists(path("log.1.gz")));
  EXPECT_FALSE(fs::exists(path("log.1.gz.new")));
  std::ofstream(path("log.1.gz.new")) << "of a process that was killed";
  EXPECT_TRUE(compress_file(path("log.1"), {}));
  EXPECT_EQ(unzipped(path("log.1.gz")), "kept\n");
  EXPECT_FALSE(fs::exists(path("log.1")));
  EXPECT_FALSE(fs::exists(path("log.1.gz.new")));
}

TEST_F(ServerLogFileTest, when_rotation_fails_records_go_on_into_the_same_file) {
  fs::create_directories(path("log.1/in-the-way"));
  const auto log = open({.path = path("log"), .max_bytes = 100, .keep = 1});
  for (int i = 0; i < 4; ++i) log->write(LogLevel::info, "t", std::string(60, '.'));
  const auto all = content(path("log"));
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4);
  EXPECT_EQ(log->lost, 0U);
}

TEST_F(ServerLogFileTest, without_a_file_goes_to_standard_output) {
  ::testing::internal::CaptureStdout();
  for (const auto* name : {"", "/dev/stdout"}) {
    const auto log = open({.path = name});
    log->write(LogLevel::info, "t", "hello");
    EXPECT_TRUE(log->file.reopen());
  }
  const auto out = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, ContainsRegex("^.* INFO t - hello\n.* INFO t - hello\n$"));
  EXPECT_NE(::fcntl(STDOUT_FILENO, F_GETFD), -1) << "standard output was closed";
}

}  // namespace
}  // namespace aralez
