#include "control/process/pid_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <optional>

#include "control/process/support_test.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using PidFileTest = TempFolderTest;

TEST_F(PidFileTest, names_the_process_while_it_lives) {
  {
    const auto file = PidFile::write(path("pid"));
    ASSERT_TRUE(file) << file.error().what;
    EXPECT_EQ(content(path("pid")), std::to_string(::getpid()) + "\n");
    EXPECT_EQ(fs::status(path("pid")).permissions(), fs::perms{0644});
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PidFileTest, replaces_what_an_earlier_process_left) {
  std::ofstream(path("pid")) << "123456789 and more text than ours";
  const auto file = PidFile::write(path("pid"));
  ASSERT_TRUE(file);
  EXPECT_EQ(content(path("pid")), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, leaves_the_file_of_a_successor) {
  {
    const auto file = PidFile::write(path("pid"));
    ASSERT_TRUE(file);
    std::ofstream(path("pid")) << "1\n";
  }
  EXPECT_EQ(content(path("pid")), "1\n");
}

TEST_F(PidFileTest, refuses_a_symlink_and_leaves_its_target_alone) {
  std::ofstream(path("precious")) << "data";
  fs::create_symlink("precious", path("pid"));
  const auto file = PidFile::write(path("pid"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ELOOP);
  EXPECT_THAT(file.error().what, ::testing::HasSubstr("pid file " + path("pid") + ": "));
  EXPECT_EQ(content(path("precious")), "data");
}

TEST_F(PidFileTest, refuses_what_is_no_file_and_a_missing_folder) {
  EXPECT_EQ(PidFile::write(folder_.string()).error().code, EEXIST);
  EXPECT_EQ(PidFile::write(path("no/pid")).error().code, ENOENT);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PidFileTest, dev_null_means_none) {
  EXPECT_TRUE(PidFile::write("/dev/null"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(PidFileTest, a_moved_one_removes_the_file_once_and_a_forked_copy_never) {
  std::optional<PidFile> kept;
  {
    auto file = PidFile::write(path("pid"));
    ASSERT_TRUE(file);
    kept.emplace(std::move(*file));
  }
  EXPECT_TRUE(fs::exists(path("pid")));
  EXPECT_EQ(in_child([&] {
              kept.reset();
              return 0;
            }),
            0);
  EXPECT_TRUE(fs::exists(path("pid")));
  kept.reset();
  EXPECT_FALSE(fs::exists(path("pid")));
}

}  // namespace
}  // namespace aralez
