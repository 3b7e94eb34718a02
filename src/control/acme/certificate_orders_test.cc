#include "control/acme/certificate_orders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "control/fetch/test_server_test.h"
#include "support/kept_log.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// With an authority that takes connections and says nothing. What one says is in the black-box
/// tests: a real one speaks TLS.
class Orders : public testing::TempFolderTest {
 protected:
  CertificateOrders::Setup setup(const std::string& directory) {
    return {.ca = {.directory = directory},
            .state_folder = folder_,
            .certificate_folder = folder_ / "certificates",
            .other_state_folder = folder_ / ".",
            .logger = log_,
            .challenges = std::make_shared<ChallengeTable>(),
            .on_certificate = [] {}};
  }
  void wait_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (log_.text().find(text) == std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << log_.text();
      std::this_thread::yield();
    }
  }

  testing::KeptLog log_;
  TestServer silent_{""};
  std::string silent_url_ = "https" + silent_.url("/").substr(4);
};

TEST_F(Orders, of_what_is_no_name_end_before_anybody_is_asked) {
  CertificateOrders orders(setup(silent_url_));
  EXPECT_THAT(orders.order("..%2Fx").error(), HasSubstr("is no host name"));
  EXPECT_EQ(silent_.connections(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Orders, are_not_made_when_the_name_could_not_be_kept) {
  std::filesystem::create_directories(folder_ / "autoconfigs");
  write("autoconfigs/domains.json", "{}");
  CertificateOrders orders(setup(silent_url_));
  EXPECT_THAT(orders.order("a.test").error(), HasSubstr("domains.json is no JSON array"));
  EXPECT_EQ(silent_.connections(), 0);
}

TEST_F(Orders, that_wait_for_an_authority_end_with_the_process) {
  CertificateOrders orders(setup(silent_url_));
  std::vector<std::jthread> threads;
  std::atomic<int> ended{0};
  for (const char* name : {"a.test", "a.test", "b.test"})
    threads.emplace_back([&, name] {
      EXPECT_FALSE(orders.order(name));
      ++ended;
    });
  threads.emplace_back([&] {
    EXPECT_FALSE(orders.create_account());
    ++ended;
  });
  while (silent_.connections() == 0) std::this_thread::yield();
  EXPECT_EQ(ended, 0);
  orders.stop();
  threads.clear();
  EXPECT_EQ(ended, 4);
  EXPECT_THAT(orders.order("c.test").error(), HasSubstr("about to end"));
}

TEST_F(Orders, of_managed_names_that_fail_are_told_of_and_tried_again_later) {
  std::filesystem::create_directories(folder_ / "autoconfigs");
  write("autoconfigs/domains.json", R"(["a.test", "../b", "c.test"])");
  CertificateOrders orders(setup("https://127.0.0.1:1/dir"));
  orders.start();
  wait_for("c.test: no certificate: ");
  EXPECT_THAT(log_.text(), HasSubstr("\"../b\" is no host name"));
  EXPECT_THAT(log_.text(), HasSubstr("a.test: no certificate: https://127.0.0.1:1/dir: "));
  EXPECT_THAT(log_.text(), HasSubstr("next try in 5 min"));
  orders.poke();
  wait_for("next try in 10 min");
  const AcmeReport report = orders.report();
  ASSERT_EQ(report.names.size(), 2U);
  EXPECT_THAT(report.names[0].trouble, HasSubstr("https://127.0.0.1:1/dir: "));
  EXPECT_GT(report.names[0].next_look, std::chrono::system_clock::now() + 1min);
  EXPECT_GE(report.failed, 3U);
  orders.stop();
}

}  // namespace
}  // namespace aralez
