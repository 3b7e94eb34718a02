#include "config/file.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace aralez {
namespace {

class ReadFile : public testing::TempFolderTest {
 protected:
  std::string write(std::string_view text) {
    TempFolderTest::write("f", text);
    return path("f");
  }
};

TEST_F(ReadFile, gives_every_byte) {
  const std::string text("a\0b\r\n", 5);
  const auto file = read_text_file(write(text), 100);
  EXPECT_EQ(file.status, FileText::Status::ok);
  EXPECT_EQ(file.text, text);
}

TEST_F(ReadFile, shows_an_excess_by_one_byte_and_reads_no_further) {
  EXPECT_EQ(read_text_file(write(std::string(10, 'x')), 10).text.size(), 10U);
  EXPECT_EQ(read_text_file(write(std::string(300'000, 'x')), 10).text.size(), 11U);
  EXPECT_EQ(read_text_file("/dev/zero", 1000).text.size(), 1001U);
}

TEST_F(ReadFile, tells_a_missing_file_from_one_that_cannot_be_read) {
  EXPECT_EQ(read_text_file(path("none"), 10).status, FileText::Status::missing);
  EXPECT_EQ(read_text_file(write("x") + "/below", 10).status, FileText::Status::missing);
  const auto folder = read_text_file(folder_, 10);
  EXPECT_EQ(folder.status, FileText::Status::unreadable);
  EXPECT_FALSE(folder.reason.empty());
}

TEST_F(ReadFile, that_must_be_regular_is_not_waited_for) {
  for (const auto* path : {"/dev/zero", "/dev/tty", "/"})
    EXPECT_EQ(read_text_file(path, 100, FileRule::regular).status, FileText::Status::unreadable)
        << path;
  EXPECT_EQ(read_text_file("/proc/self/status", 100, FileRule::regular).status,
            FileText::Status::ok);
}

}  // namespace
}  // namespace aralez
