#include "control/acme/managed_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace aralez {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CertificateName, is_a_host_name_in_one_spelling) {
  EXPECT_EQ(certificate_name("WWW.Example.com."), "www.example.com");
  EXPECT_EQ(certificate_name("xn--bcher-kva.test"), "xn--bcher-kva.test");
}

TEST(CertificateName, is_nothing_else) {  // defect 25
  for (const char* text : {"", ".", "..", "../x", "..%2Fx", "a/b", "a.test/", "*.a.test", "a..test",
                           "a.test..", "-a.test", "a_b.test", "127.0.0.1", "[::1]", "a.test:80",
                           "b\xc3\xbc"
                           "cher.test",
                           "a.test\n", "a test"})
    EXPECT_FALSE(certificate_name(text)) << text;
  EXPECT_FALSE(certificate_name(std::string(64, 'a') + ".test"));
  std::string long_name = "test";
  while (long_name.size() < 239) long_name = "aaaaaaaaaa." + long_name;
  EXPECT_FALSE(certificate_name(long_name)) << "no file could have its name";
  EXPECT_FALSE(certificate_name(std::string("a\0.test", 7)));
}

class Names : public testing::TempFolderTest {
 protected:
  [[nodiscard]] ManagedNames names() const {
    return ManagedNames({path("own/domains.json"), path("other.json")});
  }
};

TEST_F(Names, are_those_of_all_files_and_added_to_the_first) {
  EXPECT_THAT(*names().read(), IsEmpty());
  write("other.json", R"(["b.test", "A.test"])");
  std::filesystem::create_directories(folder_ / "own");
  ASSERT_TRUE(names().add("c.test"));
  ASSERT_TRUE(names().add("a.test"));
  EXPECT_THAT(*names().read(), ElementsAre("a.test", "b.test", "c.test"));
  EXPECT_EQ(content(path("own/domains.json")), "[\n \"c.test\"\n]\n");
  EXPECT_EQ(content(path("other.json")), R"(["b.test", "A.test"])");
}

TEST_F(Names, that_are_none_are_left_out_and_told_of) {
  write("other.json", R"(["../x", 7, "a.test", null])");
  std::vector<std::string> strange;
  EXPECT_THAT(*names().read(&strange), ElementsAre("a.test"));
  EXPECT_THAT(strange, SizeIs(3));
  EXPECT_THAT(strange[0], HasSubstr("other.json: \"../x\" is no host name"));
}

TEST_F(Names, of_a_broken_file_are_not_replaced) {
  std::filesystem::create_directories(folder_ / "own");
  write("own/domains.json", "[\"a.test\"");
  EXPECT_THAT(names().read().error(), HasSubstr("own/domains.json is no JSON array"));
  EXPECT_FALSE(names().add("b.test"));
  EXPECT_EQ(content(path("own/domains.json")), "[\"a.test\"");
}

}  // namespace
}  // namespace aralez
