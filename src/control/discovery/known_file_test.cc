#include "control/discovery/known_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KnownFile : public testing::TempFolderTest {
 protected:
  void save(std::string_view text) {
    std::filesystem::create_directories(folder_ / "autoconfigs");
    std::ofstream(file()) << text;
  }
  [[nodiscard]] std::string file() const { return known_file_in(folder_.string()); }
};

TEST_F(KnownFile, gives_back_what_was_written) {
  const std::chrono::system_clock::time_point at(std::chrono::seconds(1'700'000'000));
  DiscoveredServices services;
  services[{"web", ""}] = {
      .servers = std::vector<ServerConfig>{{.host = "10.0.0.1", .port = 80},
                                           {.host = "2001:db8::1", .port = 81}},
      .answered = at};
  services[{"web", "grpc"}] = {.servers = std::vector<ServerConfig>()};
  services[{"none", ""}] = {.trouble = "refused"};
  ASSERT_TRUE(write_known(file(), Provider::consul, services));
  const auto known = read_known(file(), Provider::consul);
  ASSERT_EQ(known.size(), 2U) << "what has never been known is not kept";
  const auto& web = known.at({"web", ""});
  ASSERT_EQ(web.servers->size(), 2U);
  EXPECT_EQ(web.servers->at(1).host, "2001:db8::1");
  EXPECT_EQ(web.servers->at(1).port, 81);
  EXPECT_EQ(web.answered, at);
  EXPECT_THAT(*known.at({"web", "grpc"}).servers, IsEmpty());
  EXPECT_THAT(read_known(file(), Provider::kubernetes), IsEmpty());
}

TEST_F(KnownFile, is_believed_in_nothing_that_is_broken) {
  EXPECT_THAT(read_known(file(), Provider::consul), IsEmpty());
  for (const auto* bad :
       {"", "{", "[]", "5", R"({"provider": "consul"})", R"({"provider": "consul", "services": 5})",
        R"({"provider": "consul", "services": [5, {}, {"servers": 1}]})",
        R"({"provider": "consul", "services": [{"name": "a", "servers": ["x"]}]})",
        R"({"provider": "consul", "services": [{"name": "a", "servers": [1]}]})"}) {
    save(bad);
    EXPECT_THAT(read_known(file(), Provider::consul), IsEmpty()) << bad;
  }
}

TEST_F(KnownFile, that_cannot_be_written_is_named) {
  std::ofstream(folder_ / "autoconfigs") << "no folder";
  const auto written = write_known(file(), Provider::consul, {});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error(), HasSubstr("autoconfigs cannot be made"));
}

}  // namespace
}  // namespace aralez
