#include "config/replace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "config/file.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReplaceFile : public testing::TempFolderTest {
 protected:
  [[nodiscard]] std::string text(std::string_view name) const {
    return read_text_file(path(name), 1 << 20).text;
  }
  [[nodiscard]] mode_t mode(std::string_view name) const {
    struct stat st{};
    EXPECT_EQ(::stat(path(name).c_str(), &st), 0);
    return st.st_mode & 07777;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
};

TEST_F(ReplaceFile, makes_a_file_for_its_owner_alone_and_leaves_nothing_else) {
  ASSERT_TRUE(replace_file(path("a"), "one"));
  EXPECT_EQ(text("a"), "one");
  EXPECT_EQ(mode("a"), 0600U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(ReplaceFile, takes_a_key_from_everybody_else) {
  write("key", "old");
  fs::permissions(path("key"), fs::perms(0644));
  ASSERT_TRUE(replace_file(path("key"), "new", FileAccess::owner_alone));
  EXPECT_EQ(mode("key"), 0600U);
  EXPECT_EQ(text("key"), "new");
}

TEST_F(ReplaceFile, replaces_two_that_belong_together) {
  ASSERT_TRUE(replace_pair({path("key"), "k1", FileAccess::owner_alone}, {path("chain"), "c1"}));
  ASSERT_TRUE(replace_pair({path("key"), "k2", FileAccess::owner_alone}, {path("chain"), "c2"}));
  EXPECT_EQ(text("key") + text("chain"), "k2c2");
  EXPECT_EQ(files(), 2U);
}

TEST_F(ReplaceFile, replaces_none_of_two_when_one_cannot_be) {
  write("key", "old");
  fs::create_directory(path("chain"));  // cannot be replaced by a file
  const auto failed = replace_pair({path("key"), "new"}, {path("chain"), "c"});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("chain cannot be written"));
  EXPECT_EQ(text("key"), "old");
  EXPECT_EQ(files(), 2U);
}

TEST_F(ReplaceFile, knows_beforehand_where_it_cannot_write) {
  EXPECT_TRUE(check_writable(path("new/folder")));
  EXPECT_EQ(mode("new/folder"), 0700U);
  EXPECT_TRUE(fs::is_empty(path("new/folder")));
  write("file", "");
  EXPECT_THAT(check_writable(path("file/x")).error(), HasSubstr("file/x cannot be made"));
}

TEST_F(ReplaceFile, keeps_the_permissions_of_an_old_one) {
  ASSERT_TRUE(replace_file(path("a"), "one"));
  ASSERT_EQ(::chmod(path("a").c_str(), 0644), 0);
  ASSERT_TRUE(replace_file(path("a"), std::string(300'000, 'x')));
  EXPECT_EQ(text("a").size(), 300'000U);
  EXPECT_EQ(mode("a"), 0644U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(ReplaceFile, writes_what_a_link_leads_to_and_the_link_stays) {
  fs::create_directory(folder_ / "real");
  ASSERT_TRUE(replace_file(path("real/a"), "one"));
  fs::create_symlink("real/a", folder_ / "near");
  fs::create_symlink(folder_ / "near", folder_ / "far");
  ASSERT_TRUE(replace_file(path("far"), "two"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "far"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "near"));
  EXPECT_EQ(text("real/a"), "two");
  fs::create_symlink("real/b", folder_ / "new");
  ASSERT_TRUE(replace_file(path("new"), "three"));
  EXPECT_EQ(text("real/b"), "three");
}

TEST_F(ReplaceFile, says_what_is_in_the_way_and_leaves_the_old_content) {
  const auto no_folder = replace_file(path("none/a"), "x");
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error(), path("none/a") + " cannot be written: No such file or directory");
  fs::create_directory(folder_ / "folder");
  EXPECT_FALSE(replace_file(path("folder"), "x"));
  fs::create_symlink("circle", folder_ / "circle");
  EXPECT_FALSE(replace_file(path("circle"), "x"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "circle"));
  EXPECT_EQ(files(), 2U);
}

}  // namespace
}  // namespace aralez
