#include "server/check_start.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A main.yaml with files below a folder, and what -t says of it.
class CheckStart : public testing::TempFolderTest {
 protected:
  CheckStart() {
    main_.pid_file.path = path("pid");
    fs::create_directory(path("folder"));
  }
  std::string said(StartAs how = StartAs::foreground) {
    Diagnostics diagnostics;
    check_start(main_, how, diagnostics);
    return diagnostics.render();
  }
  [[nodiscard]] static Source at(std::uint32_t line) {
    return {std::make_shared<const std::string>("main.yaml"), line, 1};
  }

  MainConfig main_;
};

TEST_F(CheckStart, says_nothing_of_files_that_can_be_made_and_makes_none) {
  main_.log_file.path = path("log");
  main_.access_log = AccessLogMode::all;
  main_.access_log_file.path = path("access");
  main_.error_log.path = path("error");
  EXPECT_EQ(said(StartAs::daemon), "");
  for (const auto* name : {"log", "access", "error", "pid"})
    EXPECT_FALSE(fs::exists(path(name))) << name;
}

TEST_F(CheckStart, says_nothing_of_files_that_are_there) {
  write("log", "before\n");
  fs::create_symlink("log", path("link"));
  fs::create_symlink("folder/new", path("to_nothing"));
  for (const std::string& file : {path("log"), path("link"), path("to_nothing"),
                                  std::string("/dev/stdout"), std::string("/dev/null")}) {
    main_.log_file.path = file;
    EXPECT_EQ(said(), "") << file;
  }
  EXPECT_EQ(content(path("log")), "before\n");
  EXPECT_FALSE(fs::exists(path("folder/new")));
  write("pid", "1\n");
  EXPECT_EQ(said(), "");
  main_.pid_file.path = "/dev/null";
  EXPECT_EQ(said(), "");
}

TEST_F(CheckStart, names_the_place_of_every_file_that_cannot_be_written) {
  fs::create_symlink("nowhere/log", path("to_nowhere"));
  main_.log_file = {.path = path("nowhere/log"), .source = at(3)};
  main_.access_log = AccessLogMode::error;
  main_.access_log_file = {.path = path("folder"), .source = at(4)};
  main_.error_log = {.path = path("to_nowhere"), .source = at(5)};
  main_.pid_file = {.path = path("nowhere/pid"), .source = at(6)};
  const std::string all = said(StartAs::daemon);
  EXPECT_THAT(all, HasSubstr("main.yaml:3:1: log_file: \"" + path("nowhere/log") +
                             "\" cannot be written: No such file or directory; write a file in"));
  EXPECT_THAT(all, HasSubstr("main.yaml:4:1: access_log_file: \"" + path("folder") +
                             "\" cannot be written: Is a directory"));
  EXPECT_THAT(all, HasSubstr("main.yaml:5:1: error_log: "));
  EXPECT_THAT(all, HasSubstr("main.yaml:6:1: pid_file: "));
  EXPECT_FALSE(fs::exists(path("nowhere")));
}

TEST_F(CheckStart, warns_of_an_error_log_that_only_a_daemon_would_need) {
  main_.error_log = {.path = path("nowhere/log"), .source = at(5)};
  EXPECT_THAT(said(), HasSubstr("main.yaml:5:1: warning: error_log: "));
}

TEST_F(CheckStart, judges_an_access_log_only_where_there_is_one) {
  main_.access_log_file.path = path("nowhere/log");
  EXPECT_EQ(said(), "");
}

TEST_F(CheckStart, takes_nothing_for_a_pid_file_that_another_could_have_put_there) {
  fs::create_symlink("elsewhere", path("pid"));
  EXPECT_THAT(said(), HasSubstr("pid_file: "));
  main_.pid_file.path = path("folder");
  EXPECT_THAT(said(), HasSubstr("pid_file: "));
}

TEST_F(CheckStart, names_accounts_that_do_not_exist) {
  main_.runuser = {.name = "no-such-user", .source = at(7)};
  EXPECT_EQ(said(), "") << "alone it has no effect";
  main_.rungroup = {.name = "no-such-group", .source = at(8)};
  EXPECT_THAT(said(), HasSubstr("main.yaml:7:1: runuser: no user \"no-such-user\" on this machine; "
                                "write the name or number of one"));
  EXPECT_THAT(said(), HasSubstr("main.yaml:8:1: rungroup: no group \"no-such-group\" on this"));
  main_.runuser.name = "root";
  main_.rungroup.name = "0";
  EXPECT_EQ(said(), "");
  main_.runuser.name = "12345";
  EXPECT_EQ(said(), "") << "numbers need no name";
}

}  // namespace
}  // namespace aralez
